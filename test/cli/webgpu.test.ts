import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { FeatureStore } from '../../src/disk/feature-store.ts'
import { fromFloat16 } from '../../src/formats/float16.ts'
import { temporaryFolder } from '../support/folder.ts'
import { webgpuHere } from '../support/gpu.ts'
import { mia } from './mia.ts'
import { makeSmallWorld } from './small-world.ts'

const here = webgpuHere()
const DEVICES = ['cpu', 'webgpu'] as const
const SMALL =
  '--hidden-size 8 --attention-size 4 --batch-size 50 --captions-per-image 2 --learning-rate 1e-3 --epochs 1'

test.skipIf(typeof here === 'string')(
  'features, concepts, train, test and caption compute the same on WebGPU as on the processor',
  async () => {
    const folder = await temporaryFolder()
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'))
    await makeSmallWorld(folder)
    const json = async (line: string) => {
      const ran = await mia([...line.split(' ').map((arg) => arg.replace('@', folder)), '--json'])
      expect(ran.status, `${line}: ${ran.stderr}`).toBe(0)
      return JSON.parse(ran.stdout)
    }
    await json('prepare flickr8k --root @ --min-count 2 --out @/cpu')
    await cp(join(folder, 'cpu'), join(folder, 'webgpu'), { recursive: true })
    const picture = (await readdir(join(folder, 'images')))[0]
    const [onCpu, onGpu] = [await all('cpu'), await all('webgpu')]

    async function all(device: (typeof DEVICES)[number]) {
      const on = `--device ${device}`
      const data = `--data @/${device}`
      await json(`features ${data} --cnn @/network.onnx --normalisation symmetric ${on}`)
      const store = await FeatureStore.open(join(folder, device, 'features'))
      const features = fromFloat16(await store.read(['dev_red_blue']))
      await store.close()
      await json(`concepts train ${data} --words @/colours.txt --epochs 1 ${on}`)
      await json(`concepts detect ${data} ${on}`)
      const concepts = await readFile(join(folder, device, 'concepts', 'concepts.jsonl'), 'utf8')
      const run = `@/run-${device}`
      const { epochs } = await json(`train ${data} ${SMALL} --out ${run} ${on}`)
      const { scores } = await json(`test --run ${run} --split val ${on}`)
      const captions = await json(`caption @/images/${picture} --run ${run} ${on}`)
      return { features, concepts, loss: epochs[0].loss, scores, captions }
    }

    for (const [i, value] of onCpu.features.entries()) expect(onGpu.features[i]).toBeCloseTo(value, 3)
    expect(onGpu.loss).toBeCloseTo(onCpu.loss, 4)
    expect(onGpu.captions.captions[0].caption).toBe(onCpu.captions.captions[0].caption)
    expect(Object.keys(onGpu.scores)).toEqual(Object.keys(onCpu.scores))
    expect(onGpu.concepts.split('\n')).toHaveLength(onCpu.concepts.split('\n').length)
  },
)
