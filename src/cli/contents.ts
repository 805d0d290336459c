import type { Section } from './command.ts'
import { styled } from './output.ts'

/** `mia --help`: the commands as a table of contents, in the order of the work. */
export function formatContents(sections: readonly Section[]): string {
  const options = [
    { name: '-h, --help', summary: 'this page; after a command, its options and examples' },
    { name: '-V, --version', summary: 'the version' },
  ]
  const lists = [...sections, { heading: 'Options', commands: options }]
  const width = Math.max(...lists.flatMap(({ commands }) => commands.map(({ name }) => name.length)))
  return [
    'Captions photographs, grounded in what they show, by Mutual Iterative Attention',
    '(Liu et al., NeurIPS 2019): from pictures to a trained, tested captioner.',
    '',
    `${styled('bold', 'Usage:')} mia <command> [options]`,
    ...lists.flatMap(({ heading, commands }) => [
      '',
      styled('bold', `${heading}:`),
      ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    ]),
    '',
  ].join('\n')
}
