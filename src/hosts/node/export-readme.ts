import type { ExportConfig } from '../../caption/export.ts'

/** The README of an exported captioner. `builtin`: its network is the one that comes with this package. */
export function exportReadme(config: ExportConfig, { builtin }: { readonly builtin: boolean }): string {
  const { model, network, concepts, image, features, tokens, terms } = config
  const kind = `${model.basicModel}${model.mia ? ' with MIA' : ''}`
  const [what, file] = network ? ['a picture', 'photo.jpg'] : ['an image by its features', 'features.npy']
  const files = [
    ...(network ? [['network.onnx', 'a normalised picture to the features of its regions']] : []),
    ...(concepts
      ? [
          [
            'concepts.onnx',
            'features to the most probable concepts and their scores; a concept is the id of its word, for some models plus the level of its score times the size of the vocabulary',
          ],
        ]
      : []),
    [
      'encoder.onnx',
      `features${concepts ? ' and concepts' : ''} to the encoded image and the state before the first word`,
    ],
    ['step.onnx', 'the last word of each hypothesis to the log-probabilities of the next word, and the state after it'],
    ['vocabulary.json', 'the words; the index of a word is its id'],
    ['config.json', 'preprocessing, inputs and outputs of each model, ids of special words, limits of the search'],
    [`example.py, example.mjs`, `caption ${what}, in Python and in JavaScript`],
  ]
  return `# Image captioner in ONNX

${kind}, trained on ${model.trainedOn}, exported by mia-caption. ONNX Runtime 1.14 or later runs it, in any language. The
models hold their weights and use operator set 18 and FusedMatMul, an operator of ONNX Runtime.

\`\`\`
pip install onnxruntime numpy${network ? ' pillow' : ''}
python example.py ${file}        # a beam of ${config.search.beam}
python example.py ${file} 1      # greedy search

npm install onnxruntime-node${network ? ' sharp' : ''}
node example.mjs ${file}
\`\`\`

| file | content |
| --- | --- |
${files.map(([name, content]) => `| ${name} | ${content} |`).join('\n')}

## How a caption is made

${steps(config)
  .map((step, i) => `${i + 1}. ${step}`)
  .join('\n')}

The log-probabilities are natural logarithms over all words, so that any search works: greedy, beam, sampling. Those of
\`<pad>\` (${tokens.pad}), \`<start>\` (${tokens.start}) and \`<unk>\` (${tokens.unknown}) are minus infinity: they are never said.
${
  image
    ? `
## Accuracy

Captions equal those of \`mia caption\` for the same pixels. Libraries resize images a little differently: Pillow's pixels
differ by up to a few of 255 levels, which can change a caption. example.mjs resizes as \`mia caption\` does, except for
images smaller than ${image.width} x ${image.height}, which sharp enlarges differently.
`
    : `
## Features

This captioner was trained on features that other programs made (bottom-up attention), so there is no network for
pictures here. Make the features with the same program: up to ${features.regions} regions of ${features.size} numbers; rows of zeros are
padding. The examples read a .npy file, float32 \`[regions, ${features.size}]\`.
`
}
## Terms

${terms ?? 'The terms of the training data are not recorded; ask who trained the captioner.'}
${builtin ? '\nnetwork.onnx was made from MobileNetV3-CenterNet, trained on COCO, of the npm package @vladmandic/human (MIT licence).\n' : ''}`
}

function steps({ network, concepts, image, tokens, search, features }: ExportConfig): string[] {
  return [
    ...(network && image
      ? [
          `Turn the picture upright, put white behind transparency, stretch it to ${image.width} x ${image.height} pixels, and normalise it as\n   config.json says. network.onnx makes \`features\` of it, [1, ${features.regions}, ${features.size}].`,
        ]
      : [
          `Put the features of the regions into \`features\`, [1, ${features.regions}, ${features.size}], with zeros after the last region.`,
        ]),
    ...(concepts ? ['concepts.onnx takes `features` and returns `concepts` and their `scores`.'] : []),
    `encoder.onnx takes \`features\`${concepts ? ' and `concepts`' : ''} and returns the encoded image, \`image.*\`, and the first state, \`state.*\`.`,
    `step.onnx takes both, and for each hypothesis its last word (\`words\`, at first <start>, ${tokens.start}), the row of the state that\n   it continues (\`parents\`, at first 0) and its image (\`images\`, 0 for a single one). It returns \`logProbs\` of the next\n   word and the new state, \`next.*\`, which is \`state.*\` of the next step. Hypotheses of many images may go through\n   together.`,
    `A caption ends at <end> (${tokens.end}), or after ${search.maxLength} words. The examples search as \`mia caption --no-block-repeated-words --length-penalty none --concept-weight 0\` does.`,
  ]
}
