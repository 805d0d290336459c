// Lists of abbreviations by the role of their full stop, in lower case; `isAbbreviation` looks words up.

/** Abbreviations that may end a sentence: before a capital or at the end, their full stop also ends the sentence. */
export const MAY_END_SENTENCE: ReadonlySet<string> = new Set(
  `jan feb mar apr jun jul aug sep sept oct nov dec
  mon tue tues wed thu thurs fri
  ala ariz ark calif colo conn ct dak del fla ga ill ind kan kans ky la mass md mich minn miss mo mont neb nev okla ore
  pa penn tenn tex va vt wash wis wisc wyo
  inc co cos corp pty ptys pte ppty ppte ltd plc bancorp bhd assn univ intl sys
  tel est ext sq jr bros ed.d ph.d esq etc al seq bldg`.split(/\s+/),
)

/** Abbreviations that stand before a name: their full stop never ends the sentence. */
export const BEFORE_NAME: ReadonlySet<string> = new Set(
  `mr mrs ms dr drs prof profs sen sens rep reps atty attys lt col gen messrs gov govs adm rev maj sgt cpl pvt capt st
  ste ave pres lieut rt hon brig cmdr comdr pfc spc supt supts det mt ft adj adv asst assoc ens insp mlle mme msgr sfc sr
  vs alex wm jos cie a.k.a cf treas ph invt elec natl mtg mfg dept blvd rd`.split(/\s+/),
)

/** Abbreviations before a number, ordinary words elsewhere: `no. 5`. */
export const BEFORE_NUMBER: ReadonlySet<string> = new Set(
  'ca fig figs prop no nos sec sect secs sects art arts para paras bldg pp op approx'.split(' '),
)

/** Abbreviations that are also common words: only the capitalised form counts. */
const CAPITALISED_ONLY: ReadonlySet<string> = new Set('ark ill mass miss ore pa tex wash'.split(' '))

/** Whether the list has the word, given without its last full stop. */
export function isAbbreviation(word: string, list: ReadonlySet<string>): boolean {
  const lower = word.toLowerCase()
  return list.has(lower) && (word !== lower || !CAPITALISED_ONLY.has(lower))
}

/** Capitalised words that, after an acronym, start a new sentence: a regular expression source. */
export const SENTENCE_STARTERS =
  'About|According|Additionally|After|An|A|As|At|But|Earlier|He|Her|Here|However|If|In|It|Last|Many|More|Mr\\.|Ms\\.|Now|' +
  'Once|One|Other|Our|She|Since|So|Some|Such|That|The|Then|There|These|They|This|We|When|While|What|Yet|You'
