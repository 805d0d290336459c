type Names = Readonly<Record<string, string>>

/** Options of the published `train.py` that have another name in `mia train`. */
const PUBLISHED: Names = {
  '--mia': '--mia', // in any case, as in --MIA True
  '--use-mia': '--mia',
  '--iteration-times': '--iterations',
  '--num-epochs': '--epochs',
  '--train-batch-size': '--batch-size',
  '--alpha': '--beta1', // its help says "alpha in Adam", but it is the decay of the first moment
  '--beta': '--beta2',
  '--lr-decay': '--learning-rate-decay-start',
}

/** By command, the names that options had in version 0.1.0. */
const EARLIER: Readonly<Record<string, Names>> = {
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

/** Flags that the published scripts give a value, as in `--use_MIA False`. */
const FLAGS: ReadonlySet<string> = new Set(['--mia'])

const TRUE = /^(true|yes|1)$/i
const FALSE = /^(false|no|0)$/i

/**
 * Converts option names of the published scripts, and of version 0.1.0, to the names of today: `--batch_size=80` to
 * `--batch-size=80`, for `mia train` also `--num_epochs 30` to `--epochs 30`, `--use_MIA True` to `--mia` and
 * `--use_MIA False` to `--no-mia` (in the published code, False meant True). Arguments after `--` are unchanged.
 */
export function respell(args: readonly string[]): string[] {
  const names = namesOf(args)
  const out: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--') return [...out, ...args.slice(i)]
    if (!/^--[a-z]/i.test(arg)) {
      out.push(arg)
      continue
    }
    const [, written, value] = /^([^=]*)(=.*)?$/s.exec(arg)!
    const hyphenated = written!.replaceAll('_', '-')
    const name = names[hyphenated.toLowerCase()] ?? hyphenated
    if (!FLAGS.has(name)) {
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

/** Names to convert for the command that `args` call. `concepts train` is not `train`: a group's name comes first. */
function namesOf([command = '']: readonly string[]): Names {
  const names = Object.hasOwn(EARLIER, command) ? EARLIER[command]! : {}
  return command === 'train' ? { ...PUBLISHED, ...names } : names
}
