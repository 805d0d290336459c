import { describe, expect, test } from 'vitest'
import { floatData } from '../../src/engine/session.ts'
import { floats, type HostValue, ints } from '../../src/formats/host-value.ts'
import {
  constant,
  gather,
  gradients,
  input,
  linearCrossEntropy,
  logSoftmax,
  mul,
  reshape,
} from '../../src/graph/index.ts'
import { nodeRuntime } from '../../src/hosts/node/runtime.ts'
import { force } from '../../src/models/force.ts'
import { imageInputs } from '../../src/models/inputs.ts'
import { positionEncoding } from '../../src/nn/positions.ts'
import { toOnnx } from '../../src/onnx/export.ts'
import type { Chooser } from '../../src/search/choosers/chooser.ts'
import { search } from '../../src/search/index.ts'
import { ModelDecoder } from '../../src/search/model-stepper.ts'
import { crossEntropy } from '../../src/train/objectives/cross-entropy.ts'
import type { Objective } from '../../src/train/objectives/objective.ts'
import { adamRates } from '../../src/train/optimizer.ts'
import { learningRateAt, PUBLISHED_SCHEDULE } from '../../src/train/schedule.ts'
import { captionLoss, trainingStep } from '../../src/train/step.ts'
import { momentNames } from '../../src/train/update.ts'
import { type PeerModel, peerWeights, transformer, upDown } from './peer-models.ts'
import {
  expectNear,
  openPeer,
  ourId,
  PEER_CAPTIONS,
  PEER_REGIONS,
  PEER_STEPS,
  peerMissing,
  peerWords,
  searchWeights,
} from './peers.ts'

/** Scores of the files' output layers. */
const WORDS = 40

/** The published search's choice: the `beam` best of all words, of which those that finish a caption take a place too. */
const publishedChooser: Chooser = {
  width: (beam) => beam,
  choose({ frontier, first, last, proposals, beam, end }, { trace, rankings, next }) {
    const width = proposals.ids.length / frontier.rows
    const all = Array.from({ length: (last - first) * width }, (_, i) => {
      const row = first + Math.floor(i / width)
      const [word, step] = [proposals.ids[first * width + i]!, proposals.logProbs[first * width + i]!]
      return { row, word, step, total: frontier.logProbs[row]! + step }
    })
    for (const { row, word, step, total } of all.toSorted((a, b) => b.total - a.total).slice(0, beam)) {
      const node = trace.add(frontier.nodes[row]!, word, step)
      if (word === end) rankings[0]!.add(node, total, frontier.length + 1)
      else next.add({ node, logProb: total, word, parent: row, image: frontier.images[row]!, tag: 0 })
    }
  },
}

const peers: Readonly<Record<string, PeerModel>> = { transformer, updown: upDown }

for (const [name, peer] of Object.entries(peers))
  describe.skipIf(peerMissing(name))(`${name} computes what the published code computes`, () => {
    const golden = peerMissing(name) ? (undefined as never) : openPeer(name)
    const model = peer.make(WORDS)
    const { regions, featureSize } = model.inputs
    const parameters = [...model.parameters.values()]
    const weights = golden && peerWeights(golden, peer, model)
    const features = golden && peer.features(golden)
    const images = golden?.images
    const batch: Record<string, HostValue> = golden && {
      features: floats([images, regions, featureSize], features),
      concepts: ints(new Int32Array(images), [images, 1]),
    }

    /** Log-probabilities of all steps of all captions, and the attention of each, by caption and step. */
    async function scored(regionsUsed: number) {
      const smaller = peer.make(WORDS, regionsUsed)
      const words = input('words', [PEER_STEPS, `${PEER_CAPTIONS}*B`], 'int32')
      const { hidden, attention } = force(
        smaller,
        words,
        smaller.encode(imageInputs(smaller.inputs, 'float32')),
        PEER_CAPTIONS,
      )
      const session = await nodeRuntime.load(
        toOnnx({ logProbs: logSoftmax(smaller.output.logits(hidden)), attention: attention! }),
      )
      const cut = features.filter((_, i) => Math.floor(i / featureSize) % PEER_REGIONS < regionsUsed)
      const results = await session.run({
        ...Object.fromEntries(weights),
        features: floats([images, regionsUsed, featureSize], cut),
        words: peerWords(golden.captions, PEER_STEPS).words!,
      })
      session.release()
      const of = (data: Float32Array, width: number) => (caption: number, step: number) => {
        const [image, own] = [Math.floor(caption / PEER_CAPTIONS), caption % PEER_CAPTIONS]
        const row = (image * PEER_STEPS + step) * PEER_CAPTIONS + own
        return data.subarray(row * width, (row + 1) * width)
      }
      return {
        logProbs: of(floatData(results.logProbs), WORDS),
        attention: of(floatData(results.attention), regionsUsed),
      }
    }

    const eachWord = (check: (caption: number, step: number) => void): void => {
      for (const [caption, { length }] of golden.captions.entries())
        for (let step = 0; step <= length; step++) check(caption, step)
    }

    test.each([
      ['with padding', PEER_REGIONS, 'out.logprobs'],
      ['without padding', 3, 'out.no_mask.logprobs'],
    ])('log-probabilities of every next word, %s', async (_, count, key) => {
      const { logProbs } = await scored(count)
      const expected = golden.numbers(key)
      eachWord((caption, step) => {
        const at = (caption * PEER_STEPS + step) * WORDS
        expectNear(logProbs(caption, step), expected.subarray(at, at + WORDS), `caption ${caption}, word ${step}`)
      })
    })

    test('attention over the regions for each word', async () => {
      const { attention } = await scored(PEER_REGIONS)
      eachWord((caption, step) =>
        expectNear(attention(caption, step), expectedAttention(caption, step), `caption ${caption}, word ${step}`),
      )
    })

    /** Of Up-Down `[step, caption, region]`; of the Transformer the mean of `[caption, head, step, region]`. */
    function expectedAttention(caption: number, step: number): number[] {
      if (golden.has('out.attention')) {
        const at = (step * golden.captions.length + caption) * PEER_REGIONS
        return [...golden.numbers('out.attention').subarray(at, at + PEER_REGIONS)]
      }
      const [, heads] = golden.shapeOf('out.cross_attention_last') as [number, number]
      const ofHead = (head: number, region: number): number =>
        golden.numbers('out.cross_attention_last')[
          ((caption * heads + head) * PEER_STEPS + step) * PEER_REGIONS + region
        ]!
      return Array.from({ length: PEER_REGIONS }, (_, region) => {
        const each = Array.from({ length: heads }, (__, head) => ofHead(head, region))
        return each.reduce((a, b) => a + b, 0) / heads
      })
    }

    const options = { captions: PEER_CAPTIONS, steps: PEER_STEPS, featureType: 'float32' } as const

    /** Compares a loss and its gradients; `offset` is what the published loss leaves out. */
    async function expectGradients(
      objective: Objective,
      [loss, prefix, offset]: readonly [string, string, number],
      feeds: Record<string, HostValue>,
      steps: number = PEER_STEPS,
    ): Promise<void> {
      const total = captionLoss(model, { ...options, steps, objective })
      const each = gradients(
        total,
        parameters.map(({ tensor }) => tensor),
      )
      const session = await nodeRuntime.load(
        toOnnx({ loss: total, ...Object.fromEntries(each.map((g, i) => [`gradient.${parameters[i]!.name}`, g])) }),
      )
      const given = { ...batch, ...Object.fromEntries(weights), ...feeds }
      const results = await session.run(Object.fromEntries(session.inputNames.map((key) => [key, given[key]!])))
      session.release()
      expectNear([floatData(results.loss)[0]! - offset], golden.numbers(loss), loss)
      for (const { name: parameter } of parameters) {
        const ours = floatData(results[`gradient.${parameter}`])
        const theirs = peer.value(golden, prefix, parameter)!
        expectNear(ours, theirs, parameter)
        const largest = Math.max(...theirs.map(Math.abs))
        if (largest > 1e-6)
          // smaller ones are rounding: the exact gradient is 0
          expectNear(
            ours.map((x) => x / largest),
            theirs.map((x) => x / largest),
            `${parameter}, relative to the largest`,
          )
      }
    }

    test('cross-entropy and its gradients', () =>
      expectGradients(crossEntropy(0), ['out.xe_loss', 'grad.xe', 0], peerWords(golden.captions, PEER_STEPS)))

    test('label-smoothed cross-entropy and its gradients', () => {
      const s = 0.1
      // theirs is the Kullback-Leibler divergence: less by the entropy of the target
      const entropy = -(1 - s) * Math.log(1 - s) - s * Math.log(s / (WORDS - 1))
      const words = peerWords(golden.captions, PEER_STEPS)
      return expectGradients(crossEntropy(s), ['out.ls_loss', 'grad.ls', entropy], words)
    })

    test('the self-critical loss of given samples and rewards, and its gradients', () => {
      const steps = 8
      const sampled = golden.whole('in.sc.seq')
      const samples = golden.captions.map((_, n) => {
        const own = sampled.slice(n * steps, (n + 1) * steps)
        return own.includes(0) ? own.slice(0, own.indexOf(0)) : own
      })
      const rewards = golden.numbers('in.sc.reward')
      const objective: Objective = {
        losses: ({ hidden, targets, captions }, { weight, bias }) =>
          mul(linearCrossEntropy(hidden, weight, bias, targets, 0), gather(input('rewards', ['N']), captions)),
      }
      const { words, targets, positions } = peerWords(samples, steps + 1)
      // a sample of the full length has no end token
      const count = samples.length
      const kept = [...(positions!.data as Int32Array)].flatMap((position, i) =>
        Math.floor(position / PEER_CAPTIONS) % (steps + 1) < steps ? [i] : [],
      )
      expect(kept.length).toBeLessThanOrEqual(count * steps)
      const pick = (value: HostValue) => ints(Int32Array.from(kept, (i) => (value.data as Int32Array)[i]!))
      const feeds = {
        words: words!,
        targets: pick(targets!),
        positions: pick(positions!),
        rewards: floats([count], rewards),
      }
      return expectGradients(objective, ['out.sc.loss', 'grad.sc', 0], feeds, steps + 1)
    })

    describe('search', () => {
      const searched = async (beam: number) => {
        const larger = peer.make(WORDS + 3)
        const decoder = await ModelDecoder.load(nodeRuntime, larger, searchWeights(larger, weights), {
          featureType: 'float32',
        })
        const stepper = await decoder.encode(features, new Int32Array(images))
        const found = await search(stepper, images, { beam, maxLength: 8, chooser: publishedChooser })
        stepper.release()
        await decoder.release()
        return found
      }
      const parse = <T>(key: string): T => JSON.parse(golden.metadata[key]!) as T
      /** words with the end token, if they have one, in our ids */
      const ended = (words: readonly number[]): number[] =>
        (words.includes(0) ? words.slice(0, words.indexOf(0) + 1) : words).map(ourId)

      test('greedy says the published words with the published log-probabilities', async () => {
        const found = await searched(1)
        expect(found.map(([best]) => best!.words)).toEqual(parse<number[][]>('greedy').map(ended))
        const logProbs = golden.numbers('out.greedy.word_logprobs')
        for (const [i, [best]] of found.entries())
          for (const [t, logProb] of best!.wordLogProbs.entries()) expect(logProb).toBeCloseTo(logProbs[i * 8 + t]!, 4)
      })

      test('a beam of 3 finds the published captions with the published scores', async () => {
        const found = await searched(3)
        const [words, scores] = [parse<number[][][]>('beam3'), parse<number[][]>('beam3_scores')]
        for (const [i, each] of found.entries()) {
          const ours = each.toSorted((a, b) => b.logProb - a.logProb)
          for (const [rank, score] of scores[i]!.entries()) {
            expect(ours[rank]!.words).toEqual(ended(words[i]![rank]!))
            expect(ours[rank]!.logProb).toBeCloseTo(score, 4)
          }
        }
      })
    })

    /** Five steps of an optimizer on the batch, as `train.kind.*` has them. */
    const kinds = golden ? ['adam', 'noam'].filter((kind) => golden.has(`train.${kind}.losses`)) : []
    test.each(kinds)('five steps of %s give the published losses and weights', async (kind) => {
      const recipe = JSON.parse(golden.metadata[kind]!) as {
        lr?: number
        warmup?: number
        d_model?: number
        betas: [number, number]
        eps: number
        clip_value: number
      }
      const { lr, warmup, d_model: size, betas, eps, clip_value: limit } = recipe
      const schedule = {
        ...PUBLISHED_SCHEDULE,
        learningRate: lr ?? 1 / Math.sqrt(size! * warmup!),
        learningRateWarmup: warmup ?? 0,
      }
      const adam = { beta1: betas[0], beta2: betas[1], epsilon: eps }
      const session = await nodeRuntime.load(
        trainingStep(model, { ...options, objective: crossEntropy(0), adam, clipping: { kind: 'value', limit } }),
      )
      const state: Record<string, HostValue> = {}
      for (const { name: key, shape } of parameters) {
        state[key] = floats(shape, floatData(weights.get(key)!).slice())
        for (const moment of Object.values(momentNames(key))) state[moment] = floats(shape)
      }
      const into = Object.fromEntries(Object.entries(state).map(([key, value]) => [`next.${key}`, value]))
      const losses: number[] = []
      const rates: number[] = []
      for (let step = 1; step <= 5; step++) {
        rates.push(learningRateAt({ epoch: 1, step }, schedule))
        const { stepSize, epsilon } = adamRates(step, rates.at(-1)!, adam)
        const given: Record<string, HostValue> = {
          ...state,
          ...batch,
          ...peerWords(golden.captions, PEER_STEPS),
          stepSize: floats([], Float32Array.of(stepSize)),
          epsilon: floats([], Float32Array.of(epsilon)),
        }
        const feeds = Object.fromEntries(session.inputNames.map((key) => [key, given[key]!]))
        losses.push(floatData((await session.run(feeds, { into })).loss)[0]!)
      }
      session.release()
      expectNear(losses, golden.numbers(`train.${kind}.losses`), 'losses')
      if (golden.has(`train.${kind}.learning_rates`))
        expectNear(rates, golden.numbers(`train.${kind}.learning_rates`), 'learning rates')
      const finals = parameters.filter(({ name: key }) => peer.value(golden, `train.${kind}.final`, key))
      expect(finals.length).toBeGreaterThanOrEqual(3)
      for (const { name: key } of finals)
        expectNear(floatData(state[key]), peer.value(golden, `train.${kind}.final`, key)!, key)
    })
  })

test.skipIf(peerMissing('transformer'))('positions are encoded as published', async () => {
  const expected = openPeer('transformer').numbers('out.positional')
  const positions = reshape(constant(Array.from({ length: PEER_STEPS }, (_, i) => i)), [PEER_STEPS, 1])
  const session = await nodeRuntime.load(toOnnx({ y: positionEncoding(positions, 24) }))
  const { y } = await session.run({})
  session.release()
  expectNear(floatData(y), expected, 'positions')
})
