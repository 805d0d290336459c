import type { Match, Span } from './match.ts'

const BEAM = 40
/**
 * What a match counts in the search for the best alignment: by the first module, exact, its words; by another half of them on each side, rounded down, as
 * METEOR 1.5 sums them in whole numbers. So a stem or a synonym is taken only where it costs no chunk, or nothing stands in its way.
 */
const weightOf = ({ module, candidate, reference }: Match): number =>
  module === 0 ? candidate.length + reference.length : (candidate.length >> 1) + (reference.length >> 1)

/** A choice of matches for the reference's words up to some place. */
interface Path {
  /** where its last match ends in the candidate, -1 if the reference's last word is not matched */
  readonly lastEnd: number
  /** the first word of the reference that it has not dealt with */
  readonly next: number
  readonly weight: number
  readonly chunks: number
  readonly distance: number
  readonly chosen: Chosen | undefined
}

/** The matches of a path, the last first. */
interface Chosen {
  readonly match: Match
  readonly before: Chosen | undefined
}

/** The most weight first, then the fewest chunks, then the shortest way between where matched words stand. */
const byMerit = (a: Path, b: Path): number => b.weight - a.weight || a.chunks - b.chunks || a.distance - b.distance

/**
 * The matches, at most one for each word, that cover most words in the fewest chunks, found from left to right through the reference with a beam of 40
 * (Denkowski and Lavie, WMT 2014, section 2.1). `matches` are all there are, by the reference's word where they begin. Where METEOR 1.5 departs from its
 * paper this does too: it adds a match's distance not to the path that has it but to those that are tried after it.
 */
export function align(matches: readonly (readonly Match[])[], candidateLength: number): Match[] {
  const size = matches.length
  const fixed = certain(matches, candidateLength)
  const taken = { candidate: new Uint8Array(candidateLength), reference: new Uint8Array(size) }
  for (const match of fixed.values()) {
    take(taken.candidate, match.candidate)
    take(taken.reference, match.reference)
  }
  let paths: Path[] = [{ lastEnd: -1, next: 0, weight: 0, chunks: 0, distance: 0, chosen: undefined }]
  for (let at = 0; at < size; at++) {
    if (paths.length > 1) paths.sort(byMerit)
    const following: Path[] = []
    if (paths.length > BEAM) paths.length = BEAM
    for (const path of paths) {
      if (at < path.next) {
        following.push(path)
        continue
      }
      const sure = fixed.get(at)
      if (sure) {
        following.push(extended(path, sure, path.distance + distanceOf(sure)))
        continue
      }
      let { distance } = path
      for (const match of matches[at]!) {
        if (isTaken(match, path, taken)) continue
        following.push(extended(path, match, distance))
        distance += distanceOf(match)
      }
      following.push({
        lastEnd: -1,
        next: at + 1,
        weight: path.weight,
        chunks: path.lastEnd < 0 ? path.chunks : path.chunks + 1,
        distance,
        chosen: path.chosen,
      })
    }
    paths = following
  }
  const complete = paths
    .sort(byMerit)
    .slice(0, BEAM)
    .map((path) => (path.lastEnd < 0 ? path : { ...path, chunks: path.chunks + 1 }))
  const [best] = complete.sort(byMerit)
  const chosen: Match[] = []
  for (let link = best!.chosen; link; link = link.before) chosen.push(link.match)
  return chosen.reverse()
}

/** The matches that no other overlaps, by where they begin in the reference. */
function certain(matches: readonly (readonly Match[])[], candidateLength: number): Map<number, Match> {
  const covered = { candidate: new Uint8Array(candidateLength), reference: new Uint8Array(matches.length) }
  for (const match of matches.flat()) {
    for (let i = 0; i < match.candidate.length; i++) covered.candidate[match.candidate.start + i]! += 1
    for (let i = 0; i < match.reference.length; i++) covered.reference[match.reference.start + i]! += 1
  }
  const alone = (counts: Uint8Array, { start, length }: Span): boolean => {
    for (let i = start; i < start + length; i++) if (counts[i] !== 1) return false
    return true
  }
  const fixed = new Map<number, Match>()
  for (const [at, [match, ...others]] of matches.entries())
    if (
      match &&
      others.length === 0 &&
      alone(covered.candidate, match.candidate) &&
      alone(covered.reference, match.reference)
    )
      fixed.set(at, match)
  return fixed
}

function take(words: Uint8Array, { start, length }: Span): void {
  words.fill(1, start, start + length)
}

/** Is a word of the match taken, by a certain match or by one of the path's? */
function isTaken(match: Match, path: Path, taken: { candidate: Uint8Array; reference: Uint8Array }): boolean {
  const { candidate, reference } = match
  for (let i = 0; i < candidate.length; i++) if (taken.candidate[candidate.start + i]) return true
  for (let i = 0; i < reference.length; i++) if (taken.reference[reference.start + i]) return true
  for (let link = path.chosen; link; link = link.before) {
    const other = link.match.candidate
    if (other.start < candidate.start + candidate.length && candidate.start < other.start + other.length) return true
  }
  return false
}

const extended = (path: Path, match: Match, distance: number): Path => ({
  lastEnd: match.candidate.start + match.candidate.length,
  next: match.reference.start + match.reference.length,
  weight: path.weight + weightOf(match),
  chunks: path.lastEnd < 0 || match.candidate.start === path.lastEnd ? path.chunks : path.chunks + 1,
  distance,
  chosen: { match, before: path.chosen },
})

const distanceOf = ({ candidate, reference }: Match): number => Math.abs(reference.start - candidate.start)

/** In how many runs the matches, in the reference's order, are contiguous in both captions. */
export function countChunks(chosen: readonly Match[]): number {
  let chunks = 0
  let end = { candidate: -1, reference: -1 }
  for (const { candidate, reference } of chosen) {
    if (candidate.start !== end.candidate || reference.start !== end.reference) chunks += 1
    end = { candidate: candidate.start + candidate.length, reference: reference.start + reference.length }
  }
  return chunks
}
