import type { Help } from 'commander'
import type { Section } from './command.ts'

/** `mia --help`: the commands as a table of contents, in the order of the work. */
export function formatContents(sections: readonly Section[], helper: Help): string {
  const options = [
    ['-h, --help', 'this page; after a command, its options and examples'],
    ['-V, --version', 'the version'],
  ] as const
  const terms = [
    ...sections.flatMap(({ commands }) => commands.map(({ name }) => name)),
    ...options.map(([flags]) => flags),
  ]
  const width = Math.max(...terms.map((term) => term.length))
  const list = (heading: string, items: readonly (readonly [string, string])[]): string[] => [
    helper.styleTitle(`${heading}:`),
    ...items.map(([term, text]) => helper.formatItem(term, width, text, helper)),
    '',
  ]
  return [
    'Captions photographs, grounded in what they show, by Mutual Iterative Attention',
    '(Liu et al., NeurIPS 2019): from pictures to a trained, tested captioner.',
    '',
    `${helper.styleTitle('Usage:')} mia <command> [options]`,
    '',
    ...sections.flatMap(({ heading, commands }) =>
      list(
        heading,
        commands.map(({ name, summary }) => [name, summary]),
      ),
    ),
    ...list('Options', options),
  ].join('\n')
}
