import type { Match, Span } from './match.ts'

const BEAM = 40

/**
 * The weight of a match in the search for the best alignment: its words for the exact module, and half of them on each
 * side for other modules, rounded down because METEOR 1.5 computes with integers. A one-word stem or synonym match
 * therefore weighs 0 and is used only if it costs no chunk, or if no other match overlaps it.
 */
const weightOf = ({ module, candidate, reference }: Match): number =>
  module === 0 ? candidate.length + reference.length : (candidate.length >> 1) + (reference.length >> 1)

/** A hypothesis of the beam search: a choice of matches for a prefix of the reference. */
interface Path {
  /** End of its last match in the candidate; -1 if the last word of the reference prefix is unmatched. */
  readonly lastEnd: number
  /** The next word of the reference to match. */
  readonly next: number
  readonly weight: number
  readonly chunks: number
  readonly distance: number
  readonly chosen: Chosen | undefined
}

/** The matches of a path as a linked list, last match first. */
interface Chosen {
  readonly match: Match
  readonly before: Chosen | undefined
}

/** Orders paths, best first: by highest weight, then fewest chunks, then smallest distance. */
const bestFirst = (a: Path, b: Path): number => b.weight - a.weight || a.chunks - b.chunks || a.distance - b.distance

/**
 * The alignment, with at most one match per word, that covers the most words in the fewest chunks, found by a beam
 * search from left to right through the reference (Denkowski and Lavie, WMT 2014, section 2.1). `matches` are all
 * matches by their first reference word. An oddity of METEOR 1.5's code is kept: the distance of a match is added not
 * to the path with the match but to the paths that are tried after it.
 */
export function align(matches: readonly (readonly Match[])[], candidateLength: number): Match[] {
  const size = matches.length
  const fixed = fixedMatches(matches, candidateLength)
  const taken = { candidate: new Uint8Array(candidateLength), reference: new Uint8Array(size) }
  for (const match of fixed.values()) {
    mark(taken.candidate, match.candidate)
    mark(taken.reference, match.reference)
  }
  let paths: Path[] = [{ lastEnd: -1, next: 0, weight: 0, chunks: 0, distance: 0, chosen: undefined }]
  for (let at = 0; at < size; at++) {
    if (paths.length > 1) paths.sort(bestFirst)
    const following: Path[] = []
    if (paths.length > BEAM) paths.length = BEAM
    for (const path of paths) {
      if (at < path.next) {
        following.push(path)
        continue
      }
      const only = fixed.get(at)
      if (only) {
        following.push(extended(path, only, path.distance + distanceOf(only)))
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
    .sort(bestFirst)
    .slice(0, BEAM)
    .map((path) => (path.lastEnd < 0 ? path : { ...path, chunks: path.chunks + 1 }))
  const [best] = complete.sort(bestFirst)
  const chosen: Match[] = []
  for (let link = best!.chosen; link; link = link.before) chosen.push(link.match)
  return chosen.reverse()
}

/** The matches that overlap no other match, by their first reference word. */
function fixedMatches(matches: readonly (readonly Match[])[], candidateLength: number): Map<number, Match> {
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

function mark(words: Uint8Array, { start, length }: Span): void {
  words.fill(1, start, start + length)
}

/** Whether a fixed match or a match of the path uses a word of the match. */
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

/** The number of chunks: runs of matches, in reference order, that are contiguous in both captions. */
export function countChunks(chosen: readonly Match[]): number {
  let chunks = 0
  let end = { candidate: -1, reference: -1 }
  for (const { candidate, reference } of chosen) {
    if (candidate.start !== end.candidate || reference.start !== end.reference) chunks += 1
    end = { candidate: candidate.start + candidate.length, reference: reference.start + reference.length }
  }
  return chunks
}
