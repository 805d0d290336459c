import type { RunConfig } from '../caption/run-config.ts'

/** The configuration of a run as names and values: what it trains on first, then the model and the training. */
export function settingsOf({ data, features, model, training }: RunConfig): [string, string][] {
  return [
    ['data', data.folder],
    ['features', `${features.kind}, ${features.regions} regions of ${features.size}`],
    ...Object.entries({ ...model, ...training }).map(([name, value]): [string, string] => [name, settingText(value)]),
  ]
}

/** A value of the configuration as text: `beta1 0.8, beta2 0.999` for an object. */
const settingText = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.entries(value)
        .map(([name, each]) => `${name} ${settingText(each)}`)
        .join(', ')
    : String(value)
