import { escapeHtml } from './html.ts'
import { BASE_STYLE } from './style.ts'

/** What one page has besides its title and the base style. */
export interface PageContent<Body> {
  /** CSS, after the base style */
  readonly style: string
  /** HTML between the body's tags */
  readonly body: Body
  /** JavaScript, run once the body is there */
  readonly script?: string
}

/**
 * Forbids every request: a page is one file, its pictures are `data:` URLs. A bug that escapes nothing still fetches
 * nothing.
 */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

/** An HTML document in one file, in the reader's light or dark color scheme. */
export const document = (title: string, { style, body, script }: PageContent<string>): string =>
  head(title, style) + body + foot(script)

/** The same document in parts, for a body that is too long for one string. */
export async function* documentParts(
  title: string,
  { style, body, script }: PageContent<AsyncIterable<string>>,
): AsyncGenerator<string> {
  yield head(title, style)
  yield* body
  yield foot(script)
}

const head = (title: string, style: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escapeHtml(title)}</title>
<style>${BASE_STYLE}${style}</style>
</head>
<body>
`

const foot = (script: string | undefined): string => `
${script === undefined ? '' : `<script>${script}</script>\n`}</body>
</html>
`
