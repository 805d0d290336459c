// Snowball's English stemmer, "Porter 2" (snowballstem.org/algorithms/english/stemmer.html), in the version of METEOR
// 1.5. Steps and regions are named as in that description.

/** Words whose stem the rules get wrong. */
const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ['skis', 'ski'],
  ['skies', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['idly', 'idl'],
  ['gently', 'gentl'],
  ['ugly', 'ugli'],
  ['early', 'earli'],
  ['only', 'onli'],
  ['singly', 'singl'],
  ...['sky', 'news', 'howe', 'atlas', 'cosmos', 'bias', 'andes'].map((word) => [word, word] as const),
])

/** Words that are not stemmed after step 1a. */
const FINISHED = new Set(['inning', 'outing', 'canning', 'herring', 'earring', 'proceed', 'exceed', 'succeed'])

type Suffixes = readonly (readonly [suffix: string, replacement: string])[]

/** Sorts suffixes longest first, so that the first match is the longest. */
const byLength = (suffixes: Suffixes): Suffixes => [...suffixes].sort(([a], [b]) => b.length - a.length)

const STEP_2 = byLength([
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['abli', 'able'],
  ['entli', 'ent'],
  ['izer', 'ize'],
  ['ization', 'ize'],
  ['ational', 'ate'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['aliti', 'al'],
  ['alli', 'al'],
  ['fulness', 'ful'],
  ['ousli', 'ous'],
  ['ousness', 'ous'],
  ['iveness', 'ive'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['bli', 'ble'],
  ['ogi', 'og'],
  ['fulli', 'ful'],
  ['lessli', 'less'],
  ['li', ''],
])
const STEP_3 = byLength([
  ['tional', 'tion'],
  ['ational', 'ate'],
  ['alize', 'al'],
  ['icate', 'ic'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
  ['ative', ''],
])
const STEP_4 = byLength(
  'al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize ion'
    .split(' ')
    .map((suffix) => [suffix, ''] as const),
)

const VOWEL = /[aeiouy]/
const DOUBLE = /(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/
/**
 * A short syllable at the end of a word: a non-vowel, a vowel and a non-vowel other than w, x or Y; or a vowel at the
 * beginning of the word and a non-vowel.
 */
const SHORT_SYLLABLE = /(?:^|[^aeiouy])[aeiouy][^aeiouywxY]$|^[aeiouy][^aeiouy]$/

/** Stems a word in lower case. */
export function stem(word: string): string {
  if (word.length <= 2) return word
  const irregular = IRREGULAR.get(word)
  if (irregular !== undefined) return irregular
  const marked = word.replace(/^'/, '').replace(/^y|(?<=[aeiouy])y/g, 'Y')
  const [r1, r2] = regions(marked)
  let stem = step1a(marked.replace(/'(?:s'?)?$/, ''))
  if (FINISHED.has(stem)) return stem
  stem = step1b(stem, r1)
  stem = stem.replace(/(?<=.[^aeiouy])[yY]$/, 'i')
  stem = step2(stem, r1)
  stem = step3(stem, r1, r2)
  stem = step4(stem, r2)
  return step5(stem, r1, r2).replaceAll('Y', 'y')
}

/** The starts of R1, after the first non-vowel that follows a vowel, and of R2, the same within R1. */
function regions(word: string): [number, number] {
  const after = (from: number): number => {
    const found = /[aeiouy][^aeiouy]/g
    found.lastIndex = from
    return found.test(word) ? found.lastIndex : word.length
  }
  const prefix = /^(?:gener|commun|arsen)/.exec(word)?.[0]
  const r1 = prefix ? prefix.length : after(0)
  return [r1, after(r1)]
}

function step1a(word: string): string {
  if (word.endsWith('sses')) return word.slice(0, -2)
  if (/ie[ds]$/.test(word)) return word.slice(0, word.length > 4 ? -2 : -1)
  if (/[us]s$/.test(word)) return word
  return /[aeiouy].+s$/.test(word) ? word.slice(0, -1) : word
}

function step1b(word: string, r1: number): string {
  const eed = /eed(?:ly)?$/.exec(word)
  if (eed) return eed.index >= r1 ? word.slice(0, eed.index + 2) : word
  const ending = /(?:ed|ing)(?:ly)?$/.exec(word)
  if (!ending || !VOWEL.test(word.slice(0, ending.index))) return word
  const rest = word.slice(0, ending.index)
  if (/(?:at|bl|iz)$/.test(rest)) return `${rest}e`
  if (DOUBLE.test(rest)) return rest.slice(0, -1)
  return r1 >= rest.length && SHORT_SYLLABLE.test(rest) ? `${rest}e` : rest
}

const suffixOf = (word: string, suffixes: Suffixes) => suffixes.find(([suffix]) => word.endsWith(suffix))

function step2(word: string, r1: number): string {
  const [suffix, replacement] = suffixOf(word, STEP_2) ?? []
  if (suffix === undefined || word.length - suffix.length < r1) return word
  const rest = word.slice(0, -suffix.length)
  if (suffix === 'ogi' && !rest.endsWith('l')) return word
  if (suffix === 'li' && !/[cdeghkmnrt]$/.test(rest)) return word
  return rest + replacement
}

function step3(word: string, r1: number, r2: number): string {
  const [suffix, replacement] = suffixOf(word, STEP_3) ?? []
  if (suffix === undefined || word.length - suffix.length < (suffix === 'ative' ? r2 : r1)) return word
  return word.slice(0, -suffix.length) + replacement
}

function step4(word: string, r2: number): string {
  const [suffix] = suffixOf(word, STEP_4) ?? []
  if (suffix === undefined || word.length - suffix.length < r2) return word
  const rest = word.slice(0, -suffix.length)
  return suffix === 'ion' && !/[st]$/.test(rest) ? word : rest
}

function step5(word: string, r1: number, r2: number): string {
  const rest = word.slice(0, -1)
  if (word.endsWith('e') && (rest.length >= r2 || (rest.length >= r1 && !SHORT_SYLLABLE.test(rest)))) return rest
  return word.endsWith('ll') && rest.length >= r2 ? rest : word
}
