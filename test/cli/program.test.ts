import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { type Command, defineCommand, type Section } from '../../src/cli/command.ts'
import { contents } from '../../src/cli/commands/index.ts'
import { formatContents } from '../../src/cli/contents.ts'
import { choice, count, flag, fraction, list, many, positive, rate, text } from '../../src/cli/options.ts'
import { UsageError, UserError } from '../../src/errors.ts'
import { mia } from './mia.ts'

const commands = contents.flatMap((section) => section.commands)

/** A section with one command `try`, which does what `run` says. */
const trying = (run: Command['run']): { sections: Section[] } => ({
  sections: [
    {
      heading: 'Try',
      commands: [defineCommand({ name: 'try', summary: 'try', description: '', examples: [], options: {}, run })],
    },
  ],
})

test('mia --help is a table of contents: all commands, in the order of the work, on one screen', async () => {
  const { stdout, stderr, status } = await mia(['--help'])
  const page = stripVTControlCharacters(stdout)
  const listed = [...page.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}/gm)].map(([, name]) => name)
  expect(listed).toEqual([
    'quickstart',
    'doctor',
    'prepare',
    'features',
    'concepts train',
    'concepts detect',
    'train',
    'test',
    'card',
    'caption',
    'represent',
    'eval',
    'models',
  ])
  for (const line of page.split('\n')) expect(line.length).toBeLessThan(80)
  expect(page.split('\n').length).toBeLessThan(31)
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
})

test('mia --help is the same page with and without the parser', async () => {
  const { stdout } = await mia(['--help'])
  expect(stdout).toBe(stripVTControlCharacters(formatContents(contents)))
})

test('mia without a command prints the contents on stderr, exit status 2', async () => {
  const { stdout, stderr, status } = await mia([])
  expect(stdout).toBe('')
  expect(stderr).toContain('concepts detect')
  expect(status).toBe(2)
})

test.each(commands.map((command) => [command.name, command] as const))(
  'mia %s --help has its description, all options, --json and examples',
  async (name, command) => {
    const { stdout, status } = await mia([...name.split(' '), '--help'])
    const page = stripVTControlCharacters(stdout).replace(/\s+/g, ' ')
    expect(page).toContain(command.description)
    for (const { call } of command.examples) expect(page).toContain(call)
    const names = Object.keys(command.options).map((key) => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`))
    for (const option of [...names, 'json', 'quiet']) expect(page).toContain(` --${option} `)
    expect(status).toBe(0)
  },
)

const examples = commands.flatMap((command) => command.examples.map(({ call }) => [call, command.name] as const))

test.each(examples)('the example "%s" is understood as %s', async (call, name) => {
  const called: string[] = []
  const stubs = contents.map(({ heading, commands }) => ({
    heading,
    commands: commands.map((command) => ({
      ...command,
      run: async () => {
        called.push(command.name)
        return { json: {}, text: '' }
      },
    })),
  }))
  const [program, ...args] = call.match(/"[^"]*"|\S+/g)!
  const { status, stderr } = await mia(args, { sections: stubs })
  expect(stderr).toBe('')
  expect({ program, status, called }).toEqual({ program: 'mia', status: 0, called: [name] })
})

test.each([
  ['trian', /unknown command 'trian'\n\(Did you mean train\?\)/],
  ['concepts detct', /unknown command 'detct'\n\(Did you mean detect\?\)/],
  ['train --out r --bach-size 3', /unknown option '--bach-size'\n\(Did you mean --batch-size\?\)/],
  ['train --out r --btach_size 3', /unknown option '--btach-size'\n\(Did you mean --batch-size\?\)/],
  ['prepare flickr8k', /required option '--out <folder>' not specified/],
  [
    'prepare flicker --out d',
    /'flicker' is invalid for argument 'source'. Allowed choices are flickr8k, coco, karpathy/,
  ],
  ['train --out r --basic-model Visual', /Allowed choices are VisualAttention, ConceptAttention/],
  ['train --out r --use_MIA=perhaps', /unknown option '--mia=perhaps'/],
  ['train --out r --batch-size many', /'many' is invalid. It must be a whole number of at least 1/],
  ['eval --references', /option '--references <path>' argument missing/],
  ['eval a', /required option '--references/],
  ['train --out r', /^Error: Cannot train: the data are not said; add --data <folder>/],
  ['prepare coco --out d', /^Error: Cannot prepare coco: where its files are is not said; add --root/],
  ['train --out r --resume --seed 2', /^Error: Cannot take --seed with --resume alone/],
])('"mia %s" is a mistake in the call: what is meant on stderr, exit status 2', async (line, said) => {
  const { status, stdout, stderr } = await mia(line.split(' '))
  expect(stderr).toMatch(said)
  expect(stderr).not.toMatch(/\n {4}at /)
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
})

test('a mistake in what the user gave is its message alone, exit status 1', async () => {
  const { status, stdout, stderr } = await mia(
    ['try'],
    trying(async () => {
      throw new UserError('Cannot read dataset "x": there is none; make it with "mia prepare"')
    }),
  )
  expect(stderr).toBe('Error: Cannot read dataset "x": there is none; make it with "mia prepare"\n')
  expect({ stdout, status }).toEqual({ stdout: '', status: 1 })
})

test('a UsageError has exit status 2', async () => {
  const { status } = await mia(
    ['try'],
    trying(async () => {
      throw new UsageError('Cannot')
    }),
  )
  expect(status).toBe(2)
})

test('an error of the system, such as a full disk, is its message alone', async () => {
  const { status, stderr } = await mia(
    ['try'],
    trying(async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' })
    }),
  )
  expect(stderr).toBe('Error: ENOSPC: no space left on device, write\n')
  expect(status).toBe(1)
})

test('any other error is ours: it has its stack, exit status 1', async () => {
  const { status, stderr } = await mia(
    ['try'],
    trying(async () => {
      throw new TypeError('x is undefined')
    }),
  )
  expect(stderr).toMatch(/^Internal error: TypeError: x is undefined\n +at /)
  expect(status).toBe(1)
})

test('a command that the signal stopped has exit status 130', async () => {
  const controller = new AbortController()
  const sections = trying(async (_, { signal }) => {
    controller.abort()
    signal.throwIfAborted()
    return { json: {}, text: 'never' }
  })
  const { status, stdout, stderr } = await mia(['try'], { ...sections, signal: controller.signal })
  expect(stderr).toContain('Stopped; to go on, run the same command again\n')
  expect({ stdout, status }).toEqual({ stdout: '', status: 130 })
})

test('a mistake that comes after Ctrl-C is still told', async () => {
  const controller = new AbortController()
  const sections = trying(async () => {
    controller.abort()
    throw new UserError('Cannot write the checkpoint')
  })
  const { status, stderr } = await mia(['try'], { ...sections, signal: controller.signal })
  expect(stderr).toContain('Error: Cannot write the checkpoint\n')
  expect(status).toBe(1)
})

const talking = trying(async (_, { report }) => {
  const progress = report.progress('Work', 'pieces')
  report.note('a note')
  progress(2, 2)
  return { json: { pieces: 2 }, text: '2 pieces', next: 'mia test --run r' }
})

test('the result goes to stdout, progress and notes to stderr, with the next command', async () => {
  const { status, stdout, stderr } = await mia(['try'], talking)
  expect(stdout).toBe('2 pieces\n')
  expect(stderr).toMatch(/^a note\nWork: 2 of 2 pieces, 0 s\nNext: (npx )?mia test --run r\n$/)
  expect(status).toBe(0)
})

test('--json prints one JSON object and nothing else on stdout', async () => {
  const { stdout, stderr } = await mia(['try', '--json'], talking)
  expect(JSON.parse(stdout)).toEqual({ pieces: 2 })
  expect(stderr).not.toContain('Next')
})

test('--quiet leaves the result alone', async () => {
  expect(await mia(['try', '--quiet'], talking)).toEqual({ status: 0, stdout: '2 pieces\n', stderr: '' })
})

test('an answer that lacks a part of what was asked for has exit status 1', async () => {
  const { status, stdout } = await mia(
    ['try'],
    trying(async () => ({ json: {}, text: 'most of it', failed: true })),
  )
  expect({ status, stdout }).toEqual({ status: 1, stdout: 'most of it\n' })
})

/** The values that a command with every kind of option gets from a line. */
async function valuesOf(line: string): Promise<{ values?: unknown; given?: readonly string[]; stderr: string }> {
  const got: { values?: unknown; given?: readonly string[] } = {}
  const command = defineCommand({
    name: 'try',
    summary: '',
    description: '',
    examples: [],
    arguments: { files: many('files') },
    options: {
      name: text('name', 'a name'),
      names: list('names', 'names'),
      count: count('n', 'a count'),
      batchSize: positive('n', 'a size', { default: 80 }),
      rate: rate('rate', 'a rate'),
      part: fraction('p', 'a part'),
      colour: choice('colour', 'a colour', ['red', 'blue'], { default: 'red' }),
      mia: flag('a switch'),
    },
    run: async (values, { given }) => {
      Object.assign(got, { values: { ...values }, given })
      return { json: {}, text: '' }
    },
  })
  const { stderr } = await mia(line.split(' '), { sections: [{ heading: 'Try', commands: [command] }] })
  return { ...got, stderr }
}

test('options that are not given have their defaults', async () => {
  const { values, given } = await valuesOf('try a.jpg')
  expect(values).toEqual({ files: ['a.jpg'], batchSize: 80, colour: 'red', mia: false, json: false, quiet: false })
  expect(given).toEqual([])
})

test('options are read as what they are, and it is known which were given', async () => {
  const { values, given } = await valuesOf(
    'try a.jpg b/ --name x --names a,b --count 0 --batch_size 16 --rate 5e-4 --part .5 --colour blue --mia',
  )
  expect(values).toMatchObject({
    files: ['a.jpg', 'b/'],
    name: 'x',
    names: ['a', 'b'],
    count: 0,
    batchSize: 16,
    rate: 0.0005,
    part: 0.5,
    colour: 'blue',
    mia: true,
  })
  expect([...given!].sort()).toEqual(['batchSize', 'colour', 'count', 'mia', 'name', 'names', 'part', 'rate'])
})

test('the last of two spellings counts: --use_MIA True --use_MIA False is without', async () => {
  expect((await valuesOf('try a --use_MIA True --use_MIA False')).values).toMatchObject({ mia: false })
})

test.each([
  ['--count -1', 'a whole number'],
  ['--count 1.5', 'a whole number'],
  ['--batch-size 0', 'a whole number of at least 1'],
  ['--rate -1', 'a number of at least 0'],
  ['--rate 5e', 'a number of at least 0'],
  ['--part 1.5', 'a number from 0 to 1'],
  ['--part x', 'a number from 0 to 1'],
])('%s is refused: it must be %s', async (option, wanted) => {
  const { values, stderr } = await valuesOf(`try a ${option}`)
  expect(values).toBeUndefined()
  expect(stderr).toContain(`It must be ${wanted}.`)
})
