import { readFileSync } from 'node:fs'

/**
 * Captions to score, made from Flickr8k's: the first 5,000 images with their five captions, and for each a candidate that begins as its first caption and
 * ends as another image's.
 */
export function captionSet(file: string): { references: string[][]; candidates: string[] } {
  const images = new Map<string, string[]>()
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [, name, caption] = /^(.*)#\d\t(.*)$/.exec(line)!
    images.set(name!, [...(images.get(name!) ?? []), caption!])
  }
  const references = [...images.values()].slice(0, 5000)
  const candidates = references.map(([first], image) => {
    const other = references[(7 * image + 1) % references.length]![0]!
    return [...first!.split(' ').slice(0, 6), ...other.split(' ').slice(6)].join(' ')
  })
  return { references, candidates }
}
