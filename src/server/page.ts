import { existsSync } from 'node:fs'
import { extname, join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import type { MiddlewareHandler } from 'hono'

/** The page that a server has at `/`. */
export interface ServedPage {
  /** the folder that `npm run build:web` made */
  readonly folder: string
  /** the captioner of the page by path, in place of the one in the folder's `model/` */
  readonly model?: ReadonlyMap<string, Uint8Array>
}

/** Whether a folder has a page. */
export const hasPage = (folder: string): boolean => existsSync(join(folder, 'index.html'))

const MODEL = '/model/'

/** Answers requests for the files of a page; others go on to the next handler. */
export function pageFiles({ folder, model }: ServedPage): MiddlewareHandler {
  const ofFolder = serveStatic({ root: folder })
  return async (c, next) => {
    if (!model || !c.req.path.startsWith(MODEL)) return ofFolder(c, next)
    const path = c.req.path.slice(MODEL.length)
    const bytes = c.req.method === 'GET' ? model.get(path) : undefined
    if (!bytes) return next()
    const type = extname(path) === '.json' ? 'application/json' : 'application/octet-stream'
    return c.body(bytes as Uint8Array<ArrayBuffer>, 200, { 'Content-Type': type })
  }
}
