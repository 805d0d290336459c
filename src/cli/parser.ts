import { Argument, Help, InvalidArgumentError, Command as Parser, Option as ParserOption } from 'commander'
import { UsageError } from '../errors.ts'
import type { Command, Section } from './command.ts'
import { formatContents } from './contents.ts'
import { flag, type Option } from './options.ts'
import { paint, type Streams, styled } from './output.ts'
import { packageVersion } from './version.ts'

/** A command that was called, the values of its options and arguments, and which options were given. */
export interface Call {
  readonly command: Command
  readonly values: Readonly<Record<string, unknown>>
  readonly given: readonly string[]
}

const MAX_HELP_WIDTH = 100

/** Options that every command has. */
const COMMON: Readonly<Record<string, Option<unknown>>> = {
  json: flag('print the result as one JSON object on stdout', { group: 'Output' }),
  quiet: flag('print the result alone: no progress, no notes', { group: 'Output' }),
}

/** A parser of all commands of `sections`; `act` gets the call. */
export function buildParser(
  sections: readonly Section[],
  { stdout, stderr }: Streams,
  act: (call: Call) => Promise<void>,
): Parser {
  const parser = new Parser('mia')
    .usage('<command> [options]')
    .addHelpOption(new ParserOption('-h, --help', 'print this help').helpGroup('Output:'))
    .version(packageVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('"mia --help" lists the commands')
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, paint(stderr, 'red', 'Error:'))),
      getOutHasColors: () => stdout.hasColors?.() ?? false, // commander takes the styles out where there are no colours
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
    .showHelpAfterError(`"mia ${command.name} --help" has all options, and examples`)
    .addHelpText('after', formatExamples(command))
  for (const [name, argument] of Object.entries(command.arguments ?? {})) parser.addArgument(toArgument(name, argument))
  const options = { ...command.options, ...COMMON }
  for (const [key, option] of Object.entries(options)) for (const each of toOptions(key, option)) parser.addOption(each)
  parser.action(() => act(callOf(command, parser)))
}

function groupNamed(root: Parser, name: string): Parser {
  return root.commands.find((each) => each.name() === name) ?? root.command(name).usage('<command> [options]')
}

function toArgument(name: string, { help, parse, settings }: Option<unknown>): Argument {
  const dots = settings.many ? '...' : ''
  const argument = new Argument(settings.required ? `<${name}${dots}>` : `[${name}${dots}]`, help)
  if (settings.choices) argument.choices(settings.choices)
  else if (parse) argument.argParser(checked(parse))
  return argument
}

/** `--name <value>`, or `--name` for a switch, with a silent `--no-name` beside it. */
function toOptions(key: string, { help, value, parse, settings }: Option<unknown>): ParserOption[] {
  const name = key.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
  const option = new ParserOption(value ? `--${name} <${value}>` : `--${name}`, help)
  if (settings.group) option.helpGroup(`${settings.group}:`)
  if (!value) return [option, new ParserOption(`--no-${name}`).hideHelp()]
  if (settings.choices) option.choices(settings.choices)
  else if (parse) option.argParser(checked(parse))
  if (settings.required) option.makeOptionMandatory()
  return [settings.default === undefined ? option : option.default(settings.default)]
}

const checked = (parse: (text: string) => unknown) => (text: string) => {
  try {
    return parse(text)
  } catch (error) {
    throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error
  }
}

function callOf(command: Command, parser: Parser): Call {
  const values: Record<string, unknown> = parser.opts()
  const given = Object.keys(values).filter((key) => parser.getOptionValueSource(key) === 'cli')
  for (const [key, option] of Object.entries({ ...command.options, ...COMMON })) values[key] ??= option.settings.default
  Object.keys(command.arguments ?? {}).forEach((name, i) => {
    values[name] = parser.processedArgs[i]
  })
  return { command, values, given }
}

const formatExamples = ({ examples }: Command): string =>
  `\n${styled('bold', 'Examples:')}\n${examples.map(({ call, what }) => `  ${styled('dim', `# ${what}`)}\n  ${call}`).join('\n')}`
