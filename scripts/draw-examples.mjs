// Draws the examples of the page into src/page/examples: scenes of recoloured Fluent emoji (Microsoft, MIT), as in the
// quickstart. Run it again after a change: node scripts/draw-examples.mjs
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'

const WIDTH = 480
const HEIGHT = 360
const { icons } = JSON.parse(
  readFileSync(createRequire(import.meta.url).resolve('@iconify-json/fluent-emoji-flat/icons.json'), 'utf8'),
)

/** An emoji of 32 x 32 units with its lower left corner at x, y. */
const emoji = (name, x, y, size) =>
  `<g transform="translate(${x} ${y - size}) scale(${size / 32})">${icons[name].body}</g>`
const gradient = (id, from, to) =>
  `<linearGradient id="${id}" x2="0" y2="1"><stop stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient>`
const field = (id, y, height) => `<rect y="${y}" width="${WIDTH}" height="${height}" fill="url(#${id})"/>`
/** Short strokes in rows, denser towards the front: grass, sand or waves. */
function strokes(colour, from, to, length, random) {
  let path = ''
  for (let y = from; y < to; y += 3 + (y - from) / 40)
    for (let x = random() * 14; x < WIDTH; x += 8 + random() * 14)
      path += `M${x.toFixed(1)} ${(y + random() * 4).toFixed(1)}l${((random() - 0.5) * length).toFixed(1)} ${(-length * (0.4 + (y - from) / 300)).toFixed(1)}`
  return `<path d="${path}" stroke="${colour}" stroke-width="1.4" fill="none" opacity=".65"/>`
}
/** Numbers from 0 to 1, always the same (mulberry32). */
function generator(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
const random = generator(1)
const shadow = (x, y, rx) => `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${rx / 6}" fill="#000" opacity=".25"/>`
const grass = gradient('sky', '#7fb8e6', '#d7ecf8') + gradient('grass', '#86b84f', '#3f7f2c')
const meadow = field('sky', 0, 150) + field('grass', 150, 210) + strokes('#2e6b22', 160, 360, 9, random)

const SCENES = {
  dog:
    grass +
    meadow +
    emoji('deciduous-tree', 20, 190, 120) +
    emoji('deciduous-tree', 370, 175, 90) +
    shadow(240, 318, 90) +
    emoji('dog', 150, 330, 190),
  child:
    grass +
    meadow +
    emoji('deciduous-tree', 360, 200, 140) +
    shadow(200, 330, 60) +
    emoji('child', 120, 300, 150) +
    emoji('soccer-ball', 300, 335, 60),
  beach:
    gradient('sky', '#8cc4ee', '#eaf5fb') +
    gradient('sea', '#2f7fb5', '#79c2d8') +
    gradient('sand', '#ecd8a4', '#cfae6e') +
    field('sky', 0, 140) +
    field('sea', 140, 100) +
    field('sand', 235, 125) +
    strokes('#fff', 150, 230, 4, random) +
    strokes('#b8965a', 250, 360, 4, random) +
    emoji('beach-with-umbrella', 270, 330, 150) +
    shadow(120, 335, 50) +
    emoji('person-standing', 60, 335, 150),
  bicycle:
    gradient('sky', '#9aa9bd', '#dfe5ec') +
    gradient('road', '#8d8d8d', '#5d5d5d') +
    field('sky', 0, 200) +
    [0, 90, 180, 270, 360]
      .map(
        (x, i) =>
          `<rect x="${x}" y="${40 + ((i * 37) % 60)}" width="84" height="200" fill="${['#b5654a', '#c9b18c', '#8f7f74', '#a9564b', '#d0c3ad'][i]}"/>` +
          [0, 1, 2]
            .map((r) =>
              [0, 1, 2]
                .map(
                  (c) =>
                    `<rect x="${x + 10 + c * 25}" y="${60 + ((i * 37) % 60) + r * 42}" width="15" height="24" fill="#3d4a59"/>`,
                )
                .join(''),
            )
            .join(''),
      )
      .join('') +
    field('road', 220, 140) +
    strokes('#4b4b4b', 235, 360, 3, random) +
    shadow(240, 335, 100) +
    emoji('person-biking', 140, 340, 210),
}

const out = fileURLToPath(new URL('../src/page/examples/', import.meta.url))
mkdirSync(out, { recursive: true })
for (const [name, body] of Object.entries(SCENES)) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"><rect width="100%" height="100%" fill="#fff"/>${body}</svg>`
  writeFileSync(`${out}${name}.jpg`, await sharp(Buffer.from(svg)).jpeg({ quality: 85 }).toBuffer())
}
