import { visible } from './visible.ts'

/** A mistake in JSON: its position, and what should be there. */
export interface Mistake {
  readonly at: number
  readonly expected: string
}

const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|NaN|-?Infinity/y
const SPACE = /[ \t\r\n]*/y

type State = 'value' | 'value or "]"' | 'key' | 'key or "}"' | '":"' | 'after'

/** The first mistake in JSON, at any nesting depth; undefined if there is none. NaN and Infinity are allowed. */
export function findMistake(text: string): Mistake | undefined {
  const open: string[] = []
  let state: State = 'value'
  let at = 0
  for (;;) {
    SPACE.lastIndex = at
    SPACE.test(text)
    at = SPACE.lastIndex
    const char = text[at]
    if (state === 'after') {
      const close = open.at(-1)
      if (close === undefined) return char === undefined ? undefined : { at, expected: 'the end of the file' }
      if (char === ',') state = close === '}' ? 'key' : 'value'
      else if (char === close) open.pop()
      else return { at, expected: `"," or "${close}"` }
      at++
    } else if (state === '":"') {
      if (char !== ':') return { at, expected: '":"' }
      state = 'value'
      at++
    } else if (char === open.at(-1) && (state === 'value or "]"' || state === 'key or "}"')) {
      open.pop()
      state = 'after'
      at++
    } else if (char === '"') {
      const end = stringEnd(text, at)
      if (typeof end === 'object') return end
      state = state.startsWith('key') ? '":"' : 'after'
      at = end
    } else if (state.startsWith('key')) return { at, expected: `a ${state} in double quotes` }
    else if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']')
      state = char === '{' ? 'key or "}"' : 'value or "]"'
      at++
    } else {
      LITERAL.lastIndex = at
      if (!LITERAL.test(text)) return { at, expected: `a ${state}` }
      at = LITERAL.lastIndex
      state = 'after'
    }
  }
}

/** The position after the string at `start`, or the mistake in it. */
function stringEnd(text: string, start: number): number | Mistake {
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]!
    if (char === '"') return at + 1
    if (char < ' ') return { at, expected: 'no line end, tab or other control character in a string' }
    if (char !== '\\') continue
    at++
    if (text[at] === 'u') {
      if (!/^[\da-f]{4}$/i.test(text.slice(at + 1, at + 5)))
        return { at, expected: 'four hexadecimal digits after \\u' }
      at += 4
    } else if (!'"\\/bfnrt'.includes(text[at] ?? ' '))
      return { at, expected: 'an escape such as \\n after a backslash' }
  }
  return { at: text.length, expected: 'the end of a string' }
}

/** A description of the first mistake of JSON: `line 3, column 5 has "}" where a value is expected`, with a hint. */
export function describeMistake(text: string, firstLine = 1): string {
  const mistake = findMistake(text)
  if (!mistake) return 'it is nested too deep'
  const { at, expected } = mistake
  const before = text.slice(0, at)
  const breaks = before.match(/\r\n?|\n/g)?.length ?? 0
  const column = at - Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r'))
  const place = `line ${firstLine + breaks}, column ${column}`
  if (at >= text.length) return `${place} is the end of the file, where ${expected} is expected: the file is incomplete`
  const found = visible(text.slice(at, at + 12).match(/^[\w']+|^./su)![0])
  return `${place} has ${found === '"' ? "'\"'" : `"${found}"`} where ${expected} is expected${hint(text, at)}`
}

/** The likely reason of a mistake. */
function hint(text: string, at: number): string {
  if (text[at] === "'" || /^(None|True|False)\b/.test(text.slice(at, at + 8)))
    return ": it is Python's print of an object; write it with json.dump"
  if ((text[at] === ']' || text[at] === '}') && /,\s*$/.test(text.slice(Math.max(0, at - 80), at)))
    return `: remove the comma before "${text[at]}"`
  return ''
}
