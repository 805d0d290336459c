import type { Section } from './command.ts'
import { styled } from './output.ts'

const OPTIONS = [
  { name: '-h, --help', summary: 'show this page, or after a command its options and examples' },
  { name: '-V, --version', summary: 'show the version' },
]

/** The text of `mia --help`: all commands by section, at most 80 columns. */
export function formatContents(sections: readonly Section[]): string {
  const lists = [...sections, { heading: 'Options', commands: OPTIONS }]
  const width = Math.max(...lists.flatMap(({ commands }) => commands.map(({ name }) => name.length)))
  return [
    'Image captioning with Mutual Iterative Attention (MIA; Liu et al., 2019):',
    'caption photographs, or train, evaluate and share captioners of your own.',
    '',
    `${styled('bold', 'Usage:')} mia <command> [options]`,
    ...lists.flatMap(({ heading, commands }) => [
      '',
      styled('bold', `${heading}:`),
      ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    ]),
    '',
    styled('bold', 'Examples:'),
    '  mia caption photo.jpg   caption a photograph with the pretrained captioner',
    '  mia train --help        show the options and examples of a command',
    '',
  ].join('\n')
}
