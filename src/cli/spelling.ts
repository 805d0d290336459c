/** The published scripts' names of options that have another name here. */
const PUBLISHED_NAMES: Readonly<Record<string, string>> = {
  '--use-mia': '--mia',
  '--iteration-times': '--iterations',
  '--num-epochs': '--epochs',
  '--train-batch-size': '--batch-size',
  '--alpha': '--beta1', // "alpha in Adam" there is the decay of the first moment
  '--beta': '--beta2',
  '--lr-decay': '--learning-rate-decay-start',
}

/** Names that options of `mia train` and `mia features` had in version 0.1.0. */
const EARLIER_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  train: {
    '--width': '--hidden-size',
    '--heads': '--num-heads',
    '--inner': '--inner-size',
    '--attention': '--attention-size',
    '--decay-from': '--learning-rate-decay-start',
    '--decay-every': '--learning-rate-decay-every',
    '--average': '--ema-decay',
    '--clip': '--gradient-clipping-limit',
    '--views': '--augmentations',
  },
  features: { '--views': '--augmentations' },
}

/** Switches that the published scripts give a value, as in `--use_MIA False`. */
const SWITCHES: ReadonlySet<string> = new Set(['--mia'])

const TRUE = /^(true|yes|1)$/i
const FALSE = /^(false|no|0)$/i

/**
 * Rewrites the published scripts' spellings into ours: `--batch_size=80` to `--batch-size=80`, `--num_epochs 30` to
 * `--epochs 30`, `--use_MIA True` to `--mia` and `--use_MIA False` to `--no-mia` (in the published code False meant True).
 * What follows `--` is left as it is.
 */
export function respell(args: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--') return [...out, ...args.slice(i)]
    if (!/^--[a-z]/i.test(arg)) {
      out.push(arg)
      continue
    }
    const [, written, value] = /^([^=]*)(=.*)?$/s.exec(arg)!
    const name = canonical(written!, args[0] ?? '')
    if (!SWITCHES.has(name)) {
      out.push(name + (value ?? ''))
      continue
    }
    const given = value?.slice(1) ?? args[i + 1] ?? ''
    const isValue = TRUE.test(given) || FALSE.test(given)
    if (value === undefined && isValue) i++
    if (isValue) out.push(FALSE.test(given) ? name.replace('--', '--no-') : name)
    else out.push(name + (value ?? ''))
  }
  return out
}

function canonical(written: string, command: string): string {
  const hyphened = written.replaceAll('_', '-')
  const name = hyphened.toLowerCase()
  return PUBLISHED_NAMES[name] ?? EARLIER_NAMES[command]?.[name] ?? hyphened
}
