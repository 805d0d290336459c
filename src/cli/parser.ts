import { Argument, Help, InvalidArgumentError, Command as Parser, Option as ParserOption } from 'commander'
import { UsageError } from '../errors.ts'
import type { Command, Section } from './command.ts'
import { formatContents } from './contents.ts'
import { flag, type Option, optionName } from './options.ts'
import { paint, printableLines, type Streams, styled } from './output.ts'
import { packageVersion } from './version.ts'

/** A call of a command. */
export interface Call {
  readonly command: Command
  /** the values of its arguments and options, defaults included */
  readonly values: Readonly<Record<string, unknown>>
  /** the options on the command line */
  readonly given: readonly string[]
}

const MAX_HELP_WIDTH = 100

/** The options of every command. */
const COMMON: Readonly<Record<string, Option<unknown>>> = {
  json: flag('print the result as a JSON object', { group: 'Output' }),
  quiet: flag('print only the result and warnings: no progress, no notes', { group: 'Output' }),
}

/** Makes a parser for the commands of `sections`; it passes the call to `act`. */
export function buildParser(
  sections: readonly Section[],
  { stdout, stderr }: Streams,
  act: (call: Call) => Promise<void>,
): Parser {
  const parser = new Parser('mia')
    .usage('<command> [options]')
    .addHelpOption(new ParserOption('-h, --help', 'show this help').helpGroup('Output:'))
    .version(packageVersion(), '-V, --version', 'show the version')
    .exitOverride()
    .showHelpAfterError('List of commands: mia --help')
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(printableLines(text).replace(/^error:/, paint(stderr, 'red', 'Error:'))),
      getOutHasColors: () => stdout.hasColors?.() ?? false, // without colors, commander removes the styles
      getErrHasColors: () => stderr.hasColors?.() ?? false,
      getOutHelpWidth: () => Math.min(stdout.columns ?? 80, MAX_HELP_WIDTH),
      getErrHelpWidth: () => Math.min(stderr.columns ?? 80, MAX_HELP_WIDTH),
    })
    .configureHelp({
      styleTitle: (title) => styled('bold', title),
      formatHelp: (each, helper) =>
        each.parent ? Help.prototype.formatHelp.call(helper, each, helper) : formatContents(sections),
    })
  for (const { commands } of sections) for (const command of commands) addCommand(parser, command, act)
  return parser
}

function addCommand(root: Parser, command: Command, act: (call: Call) => Promise<void>): void {
  const [first, second] = command.name.split(' ') as [string, string?]
  const parent = second ? groupNamed(root, first) : root
  const parser = parent.command(second ?? first)
  parser
    .summary(command.summary)
    .description(command.description)
    .showHelpAfterError(`All options, and examples: mia ${command.name} --help`)
    .addHelpText('after', formatExamples(command))
  for (const [name, argument] of Object.entries(command.arguments ?? {})) parser.addArgument(toArgument(name, argument))
  const options = { ...command.options, ...COMMON }
  for (const [key, option] of Object.entries(options)) for (const each of toOptions(key, option)) parser.addOption(each)
  parser.action(() => act(callOf(command, parser)))
}

function groupNamed(root: Parser, name: string): Parser {
  return (
    root.commands.find((each) => each.name() === name) ??
    root.command(name).usage('<command> [options]').helpCommand(false)
  )
}

function toArgument(name: string, { help, parse, settings }: Option<unknown>): Argument {
  const dots = settings.many ? '...' : ''
  const argument = new Argument(settings.required ? `<${name}${dots}>` : `[${name}${dots}]`, help)
  if (settings.choices) argument.choices(settings.choices)
  else if (parse) argument.argParser(checked(parse))
  return argument
}

/** `--name <value>`; for a flag `--name`, and a hidden `--no-name`. */
function toOptions(key: string, { help, value, parse, settings }: Option<unknown>): ParserOption[] {
  const name = optionName(key)
  const text = settings.required ? `${help} (required)` : help
  const option = new ParserOption(value ? `--${name} <${value}>` : `--${name}`, text)
  if (settings.group) option.helpGroup(`${settings.group}:`)
  if (!value) return [option, new ParserOption(`--no-${name}`).hideHelp()]
  if (settings.choices) option.choices(settings.choices)
  else if (parse && settings.repeat) option.argParser(collected(parse))
  else if (parse) option.argParser(checked(parse))
  if (settings.required) option.makeOptionMandatory()
  return [settings.default === undefined || settings.repeat ? option : option.default(settings.default)]
}

const checked = (parse: (text: string) => unknown) => (text: string) => {
  try {
    return parse(text)
  } catch (error) {
    throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error
  }
}

/** Collects the values of an option that is given several times. */
const collected = (parse: (text: string) => unknown) => (text: string, before: readonly unknown[] | undefined) => [
  ...(before ?? []),
  checked(parse)(text),
]

function callOf(command: Command, parser: Parser): Call {
  const values: Record<string, unknown> = parser.opts()
  const given = Object.keys(values).filter((key) => parser.getOptionValueSource(key) === 'cli')
  for (const [key, option] of Object.entries({ ...command.options, ...COMMON })) values[key] ??= option.settings.default
  Object.keys(command.arguments ?? {}).forEach((name, i) => {
    values[name] = parser.processedArgs[i]
  })
  return { command, values, given }
}

function formatExamples({ examples }: Command): string {
  const lines = examples.flatMap(({ call, what }) => [`  ${styled('dim', `# ${what}`)}`, `  ${call}`])
  return ['', styled('bold', 'Examples:'), ...lines].join('\n')
}
