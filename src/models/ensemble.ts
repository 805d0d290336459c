import { add, concat, constant, log, mul, slice, softmax } from '../graph/index.ts'
import { Scope } from '../nn/scope.ts'
import { BASIC_MODELS } from './basic-models.ts'
import type { CaptionerConfig } from './config.ts'
import type { CaptionModel, SearchModel, Tensors } from './contract.ts'
import { createCaptioner } from './create-captioner.ts'

/**
 * Several captioners as one for search: the probability of a word is the mean of theirs. They take the same regions and
 * have the same vocabulary; each takes the first concepts of an image, as many as it has. Throws RangeError if they
 * differ. The parameters of member i are named `i.…`, as in `0.words.weight`.
 */
export function ensembleOf(configs: readonly CaptionerConfig[]): SearchModel {
  const scope = new Scope()
  const members = configs.map((config, i) => createCaptioner(config, scope.at(`${i}`)))
  const [first] = members as [CaptionModel, ...CaptionModel[]]
  const { regions, featureSize } = first.inputs
  for (const [i, { inputs, output }] of members.entries())
    if (inputs.regions !== regions || inputs.featureSize !== featureSize || output.size !== first.output.size)
      throw new RangeError(`Internal: captioner ${i} of an ensemble takes other regions or has another vocabulary`)
  const counts = members.flatMap(({ inputs }, i) => (takesConcepts(configs[i]!) ? [inputs.concepts] : []))
  const concepts = Math.max(...(counts.length > 0 ? counts : [first.inputs.concepts]))
  const widths = members.map((member) => hiddenSize(member))
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width, 0))
  return {
    parameters: scope.parameters,
    inputs: { regions, featureSize, concepts },
    output: {
      size: first.output.size,
      logits: (hidden) => {
        const probabilities = members.map(({ output }, i) =>
          softmax(output.logits(slice(hidden, -1, starts[i]!, starts[i]! + widths[i]!))),
        )
        return log(mul(probabilities.reduce(add), constant(1 / members.length)))
      },
    },
    encode: (images) =>
      joined(
        members.map((member, i) => {
          const own = takesConcepts(configs[i]!)
            ? slice(images.concepts, 1, 0, member.inputs.concepts)
            : images.concepts
          return member.encode({ ...images, concepts: own })
        }),
      ),
    start: (encoded) => joined(members.map((member, i) => member.start(partOf(encoded, i)))),
    step(words, encoded, state) {
      const steps = members.map((member, i) => member.step(words, partOf(encoded, i), partOf(state, i)))
      const hidden = steps.map((step) => step.hidden)
      return { hidden: concat(hidden, -1), state: joined(steps.map((step) => step.state)) }
    },
  }
}

/** The tensors of all members under one roof: those of member i are named `i.…`. */
const joined = (parts: readonly Tensors[]): Tensors =>
  Object.fromEntries(parts.flatMap((part, i) => Object.entries(part).map(([name, tensor]) => [`${i}.${name}`, tensor])))

/** The tensors of member i, under its own names. */
const partOf = (all: Tensors, i: number): Tensors =>
  Object.fromEntries(
    Object.entries(all).flatMap(([name, tensor]) =>
      name.startsWith(`${i}.`) ? [[name.slice(`${i}.`.length), tensor]] : [],
    ),
  )

const takesConcepts = ({ mia, basicModel }: CaptionerConfig): boolean =>
  mia || BASIC_MODELS[basicModel].streams.includes('textual')

/** The width of the output layer's input. */
const hiddenSize = ({ output }: CaptionModel): number => output.weight.shape[1] as number
