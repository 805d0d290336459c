import type { Random } from '../../src/random.ts'

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

/** Values, as JSON, that stand where others are expected. */
const ODD: readonly string[] = [
  ...['null', 'true', 'false', '0', '-1', '1', '0.5', '1e400', '-0', '1e21', '9007199254740993', '4294967296'],
  ...['""', '" "', '"a"', '"\\u0000"', '"\\ud800"', '"__proto__"', '"../x"', '"/etc/passwd"', '"1"', '"NaN"'],
  ...['[]', '{}', '[[]]', '[null]', '{"length":3}', '{"__proto__":{"x":1}}', '{"toString":1}', '{"id":1}'],
  ...[deep(20), deep(20_000), `"${'x'.repeat(10_000)}"`],
]

/** Stands for an odd value until the whole is written: some cannot be values of JavaScript. */
const MARK = '\u0001mark\u0001'

/** JSON text with one to three odd values, or members that are lost, repeated, renamed or moved. */
export function mutateJson(text: string, random: Random): string {
  let mutant = text
  for (let left = 1 + random.below(3); left > 0; left--) mutant = changed(mutant, random) ?? mutant
  return mutant
}

/** The same for a file with a JSON value on each line. */
export function mutateJsonLines(text: string, random: Random): string {
  const lines = text.split('\n')
  const i = random.below(lines.length)
  if (random.below(6) === 0) lines.splice(random.below(lines.length + 1), 0, lines[i]!)
  else if (random.below(8) === 0) lines.splice(i, 1)
  else lines[i] = lines[i] === '' ? ODD[random.below(ODD.length)]! : mutateJson(lines[i]!, random)
  return lines.join('\n')
}

/** Undefined if the text is not JSON any more, or so deep that it cannot be written again. */
function changed(text: string, random: Random): string | undefined {
  if (text.includes('['.repeat(1000))) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const holders = holdersOf(value, [])
  const odd = ODD[random.below(ODD.length)]!
  if (holders.length === 0) return odd
  const holder = holders[random.below(holders.length)]!
  const keys = Object.keys(holder)
  const key = keys[random.below(keys.length)]!
  const members = holder as Record<string, unknown>
  const kind = random.below(6)
  if (Array.isArray(holder) && kind === 0) holder.splice(Number(key), 1)
  else if (Array.isArray(holder) && kind === 1) holder.push(holder[Number(key)])
  else if (kind === 0) delete members[key]
  else if (kind === 1) members[`${key}s`] = members[key]
  else if (kind === 2) {
    const other = keys[random.below(keys.length)]!
    ;[members[key], members[other]] = [members[other], members[key]]
  } else members[key] = MARK
  return JSON.stringify(value).replace(JSON.stringify(MARK), () => odd)
}

/** The arrays and objects of a value that are not empty, the value first; not those of great depth. */
function holdersOf(value: unknown, found: object[], depth = 0): object[] {
  if (typeof value !== 'object' || value === null || depth > 50) return found
  const members = Object.values(value)
  if (members.length > 0) found.push(value)
  for (const member of members) holdersOf(member, found, depth + 1)
  return found
}
