import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { type Command, defineCommand, type Section } from '../../src/cli/command.ts'
import { contents } from '../../src/cli/commands/index.ts'
import { formatContents } from '../../src/cli/contents.ts'
import {
  choice,
  count,
  flag,
  fraction,
  fractionBelowOne,
  list,
  many,
  optionName,
  positive,
  rate,
  repeated,
  seed,
  text,
} from '../../src/cli/options.ts'
import { UsageError, UserError } from '../../src/errors.ts'
import { mia } from './mia.ts'

const commands = contents.flatMap((section) => section.commands)

/** A section with one command `try`, implemented by `run`. */
const trying = (run: Command['run'], more: Partial<Command> = {}): { sections: Section[] } => ({
  sections: [
    {
      heading: 'Try',
      commands: [
        { ...defineCommand({ name: 'try', summary: 'try', description: '', examples: [], options: {}, run }), ...more },
      ],
    },
  ],
})

test('mia --help lists all commands, in the order of their use, on one page', async () => {
  const { stdout, stderr, status } = await mia(['--help'])
  const page = stripVTControlCharacters(stdout)
  const listed = [...page.matchAll(/^ {2}(?!mia)([a-z]+(?: [a-z]+)?) {2,}/gm)].map(([, name]) => name)
  expect(listed).toEqual([
    'caption',
    'quickstart',
    'doctor',
    'data coco',
    'prepare',
    'features',
    'cnn tune',
    'concepts train',
    'concepts detect',
    'train',
    'report',
    'test',
    'compare',
    'eval',
    'models',
    'serve',
    'card',
    'export',
    'represent',
  ])
  for (const line of page.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(page.split('\n').length).toBeLessThan(48)
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
  const [program, ...args] = call.replace(/^mpirun -n \d+ npx /, '').match(/"[^"]*"|\S+/g)!
  const { status, stderr } = await mia(args, { sections: stubs })
  expect(stderr).toBe('')
  expect({ program, status, called }).toEqual({ program: 'mia', status: 0, called: [name] })
})

test('an option that may be given again is the list of its values', async () => {
  const seen: unknown[] = []
  const run: Command['run'] = async (values) => {
    seen.push(values)
    return { json: {}, text: '' }
  }
  const options = { words: repeated(list('words', 'some words')), run: repeated(text('folder', 'a run')) }
  const { sections } = trying(run, { options })
  await mia(['try', '--words', 'a,b', '--run', 'x', '--words', 'c', '--run', 'y'], { sections })
  await mia(['try'], { sections })
  expect(seen).toMatchObject([
    { words: [['a', 'b'], ['c']], run: ['x', 'y'] },
    { words: [], run: [] },
  ])
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
  ['train --out r --batch-size many', /'many' is invalid. It must be a whole number from 1 to 100,000/],
  ['eval --references', /option '--references <path>' argument missing/],
  ['eval a', /required option '--references/],
  ['train --out r', /^Error: Cannot train: --data <folder> is missing; to resume a run, give --resume/],
  ['prepare coco --out d', /^Error: Cannot prepare coco: --root <folder> is missing/],
  ['train --out r --resume --width 2', /^Error: Cannot resume with another --hidden-size: the run keeps its options/],
])('"mia %s" is a mistake in the call: a message on stderr, exit status 2', async (line, said) => {
  const { status, stdout, stderr } = await mia(line.split(' '))
  expect(stderr).toMatch(said)
  expect(stderr).not.toMatch(/\n {4}at /)
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
})

test('a UserError prints its message alone, exit status 1', async () => {
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

test('an error of the system, such as a full disk, prints words, not a stack', async () => {
  const { status, stderr } = await mia(
    ['try'],
    trying(async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
    }),
  )
  expect(stderr).toBe('Error: Cannot continue: the disk is full (ENOSPC: write)\n')
  expect(status).toBe(1)
})

test('any other error is ours: it prints its stack, exit status 1', async () => {
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
  expect(stderr).toMatch(/^Stopped\n/m)
  expect({ stdout, status }).toEqual({ stdout: '', status: 130 })
})

test('a stopped command that can resume says so', async () => {
  const run: Command['run'] = async (_, { signal }) => {
    signal.throwIfAborted()
    return { json: {}, text: 'never' }
  }
  const { stderr } = await mia(['try'], { ...trying(run, { resumes: true }), signal: AbortSignal.abort() })
  expect(stderr).toBe('Stopped; run the same command again to resume\n')
})

// A file may be called "\x1b[31m", and a vocabulary may hold anything.
test('no control character of a name reaches the terminal, wherever it is printed', async () => {
  const evil = 'a\x1b[31m\u009b2J\nb'
  const shown = 'a\\x1b[31m\\x9b2J\\x0ab'
  const throwing = (error: Error) =>
    trying(async () => {
      throw error
    })
  const outputs = [
    await mia(
      ['try'],
      trying(async () => ({ json: {}, text: [evil, 'second'], next: evil })),
    ),
    await mia(
      ['try', '--json'],
      trying(async () => ({ json: { evil }, text: '' })),
    ),
    await mia(['try'], throwing(new UserError(evil))),
    await mia(['try'], throwing(new TypeError(evil))),
    await mia(['caption', `--${evil}`]),
    await mia([evil]),
  ]
  for (const { stdout, stderr } of outputs) expect(stdout + stderr).toMatch(/^[\x20-\x7e\n]*$/)
  expect(outputs[0]!.stdout).toBe(`${shown}\nsecond\n`)
  expect(JSON.parse(outputs[1]!.stdout)).toEqual({ evil })
  expect(outputs[2]!.stderr).toBe(`Error: ${shown}\n`)
})

test('an error after Ctrl-C is still printed', async () => {
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

test('--quiet prints only the result', async () => {
  expect(await mia(['try', '--quiet'], talking)).toEqual({ status: 0, stdout: '2 pieces\n', stderr: '' })
})

test('a command that fails in part prints its result, exit status 1', async () => {
  const { status, stdout } = await mia(
    ['try'],
    trying(async () => ({ json: {}, text: 'most of it', failed: true })),
  )
  expect({ status, stdout }).toEqual({ status: 1, stdout: 'most of it\n' })
})

interface Got {
  readonly values?: unknown
  readonly given?: readonly string[]
  readonly stderr: string
}

/** The values of a command with every kind of option for a line. */
const valuesOf = (line: string) => valuesOfArgs(line.split(' '))

async function valuesOfArgs(args: readonly string[]): Promise<Got> {
  const got: { values?: unknown; given?: readonly string[] } = {}
  const command = defineCommand({
    name: 'train',
    summary: '',
    description: '',
    examples: [],
    arguments: { files: many('files') },
    options: {
      name: text('name', 'a name'),
      names: list('names', 'names'),
      count: count('n', 'a count'),
      batchSize: positive('n', 'a size', { default: 80, max: 512 }),
      seed: seed('n', 'a seed'),
      dropout: fractionBelowOne('p', 'a probability'),
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
  const { stderr } = await mia(args, { sections: [{ heading: 'Try', commands: [command] }] })
  return { ...got, stderr }
}

test('options have their defaults', async () => {
  const { values, given } = await valuesOf('train a.jpg')
  expect(values).toEqual({ files: ['a.jpg'], batchSize: 80, colour: 'red', mia: false, json: false, quiet: false })
  expect(given).toEqual([])
})

test('options are converted to their types, and a command knows which were given', async () => {
  const { values, given } = await valuesOf(
    'train a.jpg b/ --name x --names a,b --count 0 --batch_size 16 --rate 5e-4 --part .5 --colour blue --mia',
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

test('the last of two values counts: --use_MIA True --use_MIA False is without MIA', async () => {
  expect((await valuesOf('train a --use_MIA True --use_MIA False')).values).toMatchObject({ mia: false })
})

test.each([
  ['--count -1', 'a whole number from 0 to 1,000,000'],
  ['--count 1.5', 'a whole number from 0 to 1,000,000'],
  ['--count 1000001', 'a whole number from 0 to 1,000,000'],
  ['--count 0x10', 'a whole number from 0 to 1,000,000'],
  ['--batch-size 0', 'a whole number from 1 to 512'],
  ['--batch-size 513', 'a whole number from 1 to 512'],
  ['--seed 99999999999999999999', 'a whole number from 0 to 9,007,199,254,740,991'],
  ['--seed 9007199254740992', 'a whole number from 0 to 9,007,199,254,740,991'],
  ['--rate -1', 'a number from 0 to 1,000,000'],
  ['--rate 5e', 'a number from 0 to 1,000,000'],
  ['--rate 1e999', 'a number from 0 to 1,000,000'],
  ['--part 1.5', 'a number from 0 to 1'],
  ['--part x', 'a number from 0 to 1'],
  ['--part 0x1', 'a number from 0 to 1'],
  ['--dropout 1', 'a number of at least 0 and below 1'],
  ['--names a,,b', 'names with commas between them'],
])('%s is refused: it must be %s', async (option, wanted) => {
  const { values, stderr } = await valuesOf(`train a ${option}`)
  expect(values).toBeUndefined()
  expect(stderr).toContain(`It must be ${wanted}.`)
})

const takesNumbers = (parse: (text: string) => unknown): boolean =>
  ['0.5', '1'].some((text) => {
    try {
      return typeof parse(text) === 'number'
    } catch {
      return false
    }
  })

test('every option that takes a number refuses one beyond its range', async () => {
  for (const { name, options, arguments: positional } of commands)
    for (const [key, { settings, parse }] of Object.entries(options)) {
      if (settings.choices || !parse || !takesNumbers(parse)) continue
      const needed = Object.entries(options).flatMap(([other, option]) =>
        option.settings.required ? [`--${optionName(other)}`, 'x'] : [],
      )
      for (const number of ['99999999999999999999', '1e999']) {
        const args = [...name.split(' '), ...Object.keys(positional ?? {}).map(() => 'folder'), ...needed]
        const { status, stderr } = await mia([...args, `--${optionName(key)}`, number])
        expect(stderr, `${name} --${key} ${number}`).toMatch(/is invalid\. It must be/)
        expect(status).toBe(2)
      }
    }
})

test('an option of text must not be empty', async () => {
  const { stderr } = await valuesOfArgs(['train', 'a', '--name', ''])
  expect(stderr).toContain('It must not be empty.')
  expect((await valuesOfArgs(['train', 'a', '--name', ' '])).values).toMatchObject({ name: ' ' })
})
