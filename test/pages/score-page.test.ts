import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { nodePictures } from '../../src/hosts/node/pictures.ts'
import { evaluate } from '../../src/metrics/index.ts'
import { scorePage } from '../../src/pages/score-page.ts'
import { temporaryFolder } from '../support/folder.ts'
import { CountingPictures } from './pictures.ts'

/** COCO references of images 1, 2, ... with the file names given. */
const referencesOf = (names: readonly string[]) => ({
  images: names.map((file_name, i) => ({ id: i + 1, file_name })),
  annotations: names.map((_, i) => ({ id: i, image_id: i + 1, caption: 'a <dog> runs' })),
})

const evaluationOf = (names: readonly string[]) =>
  evaluate({
    references: referencesOf(names),
    results: names.map((_, i) => ({ image_id: i + 1, caption: i === 0 ? 'a "dog" runs' : 'two cats' })),
    metrics: ['BLEU'],
  })

describe('scorePage()', () => {
  test('has histograms, captions and pictures with a reference as their text, all of it escaped', async () => {
    const folder = await temporaryFolder()
    await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } }).toFile(join(folder, 'a.png'))
    const names = ['a.png', 'missing.png']
    const html = await scorePage(nodePictures, await evaluationOf(names), { folder })
    expect(html).toContain('<h1>Scores of 2 captions</h1>')
    expect(html).toMatch(/<h3>a &#34;dog&#34; runs<\/h3>/)
    expect(
      html.match(/<img src="data:image\/jpeg;base64,[^"]+" width="4" height="4" alt="a &#60;dog&#62; runs">/g),
    ).toHaveLength(2)
    expect(html).toMatch(/<title>[\d.]+ to [\d.]+: 1 image<\/title>/)
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/)
  })

  test('shows - for a score that nothing determines, and no NaN anywhere', async () => {
    const evaluation = await evaluate({
      references: referencesOf(['a.png', 'b.png']),
      results: [1, 2].map((image_id) => ({ image_id, caption: 'a dog runs' })),
      metrics: ['SPICE-ts_count'],
      bootstrap: { samples: 10, seed: 1 },
    })
    const html = await scorePage(nodePictures, evaluation, { folder: undefined })
    expect(html).toContain('SPICE-ts_count <b>-</b>')
    expect(html).not.toContain('NaN')
  })

  test('does not embed a picture outside of the folder, whatever the references say', async () => {
    const root = await temporaryFolder()
    const folder = join(root, 'pictures')
    await mkdir(folder)
    const red = sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
    for (const file of ['secret.png', 'pictures/..a.png']) await red.clone().toFile(join(root, file))
    const pictureCount = async (name: string) => {
      const files = { folder }
      const html = await scorePage(nodePictures, await evaluationOf([name]), files)
      return html.match(/<img/g)?.length ?? 0
    }
    expect(await pictureCount('../secret.png')).toBe(0)
    expect(await pictureCount(join(root, 'secret.png'))).toBe(0)
    expect(await pictureCount('sub/../../secret.png')).toBe(0)
    expect(await pictureCount('..\\secret.png')).toBe(0) // on Windows
    expect(await pictureCount('C:\\secret.png')).toBe(0)
    expect(await pictureCount('sub/../a.png')).toBe(0)
    expect(await pictureCount('..a.png')).toBe(2) // the only image is the best and the worst
  })

  test('shows the 12 lowest and the 12 highest scores, and opens a few pictures at once', async () => {
    const pictures = new CountingPictures()
    const names = Array.from({ length: 40 }, (_, i) => `${i}.jpg`)
    const files = { folder: '/pictures' }
    const html = await scorePage(pictures, await evaluationOf(names), files)
    expect(html.match(/<article>/g)).toHaveLength(24)
    expect(pictures.opened).toHaveLength(24)
    expect(pictures.peak).toBeLessThanOrEqual(4)
  })
})
