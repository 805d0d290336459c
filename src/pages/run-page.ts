import type { Thumbnail } from '../engine/pictures.ts'
import type { CaptionerConfig } from '../models/config.ts'
import { counted, scoreText, thousands } from '../wording.ts'
import { CHART_STYLE, chart, type Point, type Series, valueText } from './chart.ts'
import { type ArticleCaption, attendsToConcepts, explanationArticle } from './explanation-article.ts'
import { EXPLANATION_SCRIPT } from './explanation-script.ts'
import { EXPLANATION_STYLE } from './explanation-style.ts'
import { escapeHtml } from './html.ts'
import { document } from './layout.ts'

/** A measurement of a training: numbers by name, at a time counted in epochs, such as 1.5. */
export interface Measurement {
  readonly epoch: number
  readonly values: Readonly<Record<string, number>>
}

/** A finished epoch of a run. */
export interface RunEpoch {
  readonly epoch: number
  /** mean loss of its steps; undefined if it is not known */
  readonly loss: number | undefined
  readonly scores: Readonly<Record<string, number>>
  /** whether its weights were the best so far */
  readonly best: boolean
  /** how long it took; undefined if it is not known */
  readonly seconds: number | undefined
}

/** A caption of a sample image in some epoch. */
export interface SampleCaption {
  readonly epoch: number
  readonly caption: string
  readonly cider: number
}

/** A validation image with its caption by the best weights, and the captions of the epochs. */
export interface Sample {
  readonly explained: ArticleCaption
  /** undefined if the image cannot be read */
  readonly picture: Thumbnail | undefined
  readonly references: readonly string[]
  /** by epoch; an epoch whose caption is that of the epoch before may be left out */
  readonly captions: readonly SampleCaption[]
}

/** What the page of a run shows. */
export interface RunPage {
  readonly name: string
  readonly model: Pick<CaptionerConfig, 'basicModel' | 'mia'>
  /** the name of the dataset */
  readonly data: string
  /** epochs that the run is to do */
  readonly planned: number
  readonly epochs: readonly RunEpoch[]
  /** what was measured at single steps */
  readonly steps: readonly Measurement[]
  readonly samples: readonly Sample[]
  /** why there are no samples, in a sentence */
  readonly note?: string
  /** hyperparameters and data by name */
  readonly settings: readonly (readonly [name: string, value: string])[]
}

/** Titles of the measurements of steps; others have their own name. */
const STEP_TITLES: Readonly<Record<string, string>> = {
  learningRate: 'Learning rate',
  gradientNorm: 'Norm of the gradients',
  captionsPerSecond: 'Captions per second',
}

/**
 * The HTML page of a run, one file that fetches nothing: curves of the loss, the scores and the learning rate, sample
 * captions with the attention of each word, the epochs, and the hyperparameters.
 */
export function runPage(run: RunPage): string {
  const model = `${run.model.basicModel}${run.model.mia ? ' with MIA' : ''}`
  const best = run.epochs.findLast((epoch) => epoch.best)
  return document(`${run.name}: ${model}`, {
    style: CHART_STYLE + EXPLANATION_STYLE + STYLE,
    body: `<header><h1>${escapeHtml(run.name)}</h1>
<p>${escapeHtml(model)}, trained on ${escapeHtml(run.data)}</p>
${facts(run, best)}</header>
<main>
<section><h2>Curves</h2><div class="charts">${charts(run, best).join('\n')}</div></section>
${samplesSection(run, best)}
<section><h2>Epochs</h2><div class="scroll">${epochTable(run.epochs, best)}</div></section>
<section><h2>Hyperparameters</h2><dl class="settings">${run.settings
      .map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`)
      .join('')}</dl></section>
</main>`,
    script: EXPLANATION_SCRIPT,
  })
}

function facts({ epochs, planned }: RunPage, best: RunEpoch | undefined): string {
  const seconds = epochs.reduce((sum, epoch) => sum + (epoch.seconds ?? 0), 0)
  const each = {
    epochs: `${thousands(epochs.length)} <small>of ${thousands(planned)}</small>`,
    ...(best?.scores.CIDEr !== undefined && {
      'best CIDEr on val': `${scoreText(best.scores.CIDEr)} <small>at epoch ${best.epoch}</small>`,
    }),
    ...(epochs.at(-1)?.loss !== undefined && { 'last loss': scoreText(epochs.at(-1)!.loss!) }),
    ...(seconds > 0 && { 'time of the epochs': durationText(seconds) }),
  }
  const items = Object.entries(each).map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
  return `<dl class="facts">${items.join('')}</dl>`
}

/** A duration in its two largest units, as in "2 h 5 min". */
function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function charts({ epochs, steps }: RunPage, best: RunEpoch | undefined): string[] {
  const unit = 'epoch'
  const mark = best && { x: best.epoch, name: `epoch ${best.epoch}: the best weights` }
  const marked = { unit, ...(mark && { mark }) }
  const ofEpochs = (name: string, value: (epoch: RunEpoch) => number | undefined): Series => ({
    name,
    points: epochs.map((epoch): Point => ({ x: epoch.epoch, y: value(epoch) ?? Number.NaN })),
  })
  const ofSteps = (name: string): Series => ({
    name: name === 'loss' ? 'of single steps' : (STEP_TITLES[name] ?? name),
    points: steps.map(({ epoch, values }): Point => ({ x: epoch, y: values[name] ?? Number.NaN })),
  })
  const loss = [
    ofEpochs('mean of the epoch', (epoch) => epoch.loss),
    ...(steps.length > 0 ? [{ ...ofSteps('loss'), behind: true }] : []),
  ]
  const names = [...new Set(epochs.flatMap(({ scores }) => Object.keys(scores)))]
  const others = names.filter((name) => name !== 'CIDEr')
  const measured = [...new Set(steps.flatMap(({ values }) => Object.keys(values)))].filter((name) => name !== 'loss')
  const ordered = [...Object.keys(STEP_TITLES), ...measured].filter((name) => measured.includes(name))
  return [
    chart(loss, { title: 'Training loss', ...marked }),
    chart([ofEpochs('CIDEr', ({ scores }) => scores.CIDEr)], { title: 'CIDEr on the validation images', ...marked }),
    ...(others.length > 0
      ? [
          chart(
            others.map((name) => ofEpochs(name, ({ scores }) => scores[name])),
            { title: 'Other scores on the validation images', ...marked },
          ),
        ]
      : []),
    ...[...new Set(ordered)].map((name) => chart([ofSteps(name)], { title: STEP_TITLES[name] ?? name, unit })),
  ]
}

function samplesSection({ samples, model, note }: RunPage, best: RunEpoch | undefined): string {
  const overConcepts = attendsToConcepts(model)
  const articles = samples.map(({ explained, picture, references, captions }, i) =>
    explanationArticle(explained, i, {
      picture,
      overConcepts,
      below: `<div class="said"><div><h3>References</h3><ul>${references
        .map((reference) => `<li>${escapeHtml(reference)}</li>`)
        .join('')}</ul></div>
<div><h3>Captions of the epochs</h3><div class="history" tabindex="0">${captionTable(captions, best?.epoch)}</div></div></div>
`,
    }),
  )
  if (articles.length === 0 && note === undefined) return ''
  const about = note ?? `Validation images, captioned by the weights of epoch ${best?.epoch ?? '?'}. Point at a word.`
  return `<section><h2>Sample captions</h2><p><small>${escapeHtml(about)}</small></p>\n${articles.join('\n')}</section>`
}

/** The captions of a sample as a table; consecutive epochs with the same caption share a row. */
function captionTable(captions: readonly SampleCaption[], best: number | undefined): string {
  const groups: { first: number; last: number; caption: string; cider: number }[] = []
  for (const { epoch, caption, cider } of captions) {
    const last = groups.at(-1)
    if (last?.caption === caption) last.last = epoch
    else groups.push({ first: epoch, last: epoch, caption, cider })
  }
  const rows = groups.map(({ first, last, caption, cider }) => {
    const isBest = best !== undefined && first <= best && best <= last
    const epochs = first === last ? `${first}` : `${first}–${last}`
    const text = escapeHtml(caption) || '(empty caption)'
    return `<tr${isBest ? ' class="best"' : ''}><th scope="row">${epochs}</th><td>${text}</td><td>${cider.toFixed(2)}</td></tr>`
  })
  return `<table><thead><tr><th scope="col">epoch</th><th scope="col">caption</th><th scope="col">CIDEr</th></tr></thead>
<tbody>${rows.join('')}</tbody></table>`
}

function epochTable(epochs: readonly RunEpoch[], best: RunEpoch | undefined): string {
  const names = [...new Set(epochs.flatMap(({ scores }) => Object.keys(scores)))]
  const heads = ['epoch', 'loss', ...names, 'time']
  const rows = epochs.map((epoch) => {
    const cells = [
      epoch.loss === undefined ? '-' : valueText(epoch.loss),
      ...names.map((name) => scoreText(epoch.scores[name] ?? Number.NaN)),
      epoch.seconds === undefined ? '-' : durationText(epoch.seconds),
    ]
    const isBest = epoch === best
    const row = `<th scope="row">${epoch.epoch}${isBest ? ' <small>best</small>' : ''}</th>`
    return `<tr${isBest ? ' class="best"' : ''}>${row}${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
  })
  return `<table class="epochs"><thead><tr>${heads.map((head) => `<th scope="col">${escapeHtml(head)}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table><p><small>${counted(epochs.length, 'epoch')}</small></p>`
}

const STYLE = `
.facts { display: flex; flex-wrap: wrap; gap: .6rem 2rem; margin: .8rem 0 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; }
.facts dd { font-size: 1.2rem; }
.scroll { overflow-x: auto; }
.epochs th, .epochs td { padding: .25rem 1.1rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
.epochs thead th { color: var(--soft); font-weight: 400; }
.epochs tbody th { font-weight: 400; text-align: left; }
.epochs th:first-child { text-align: left; }
.best { background: color-mix(in srgb, var(--bar) 45%, transparent); }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); gap: .6rem 1.5rem; }
.settings dd { overflow-wrap: anywhere; }
.said { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 2rem; margin-top: 1.2rem; }
.said ul { margin: 0; padding-left: 1.1rem; color: var(--soft); font-size: .9rem; }
.history { max-height: 17rem; overflow-y: auto; }
article .history th:first-child { width: 4rem; }
article .history td:last-child, article .history th:last-child { width: 4rem; text-align: right; padding-right: .3rem; }
article .history tbody th { font-weight: 400; padding-left: .3rem; }
`
