// Time, of the clock and of the CPU (all threads), and peak memory of what grows with a dataset, at 1, 10 and 100 times
// the 7,000 pictures and 35,000 captions of Flickr8k's training and validation splits, made by repeating it: each copy has
// other image ids, and another word at the end of each caption, so that the vocabulary grows, too. Features are small, 4
// regions of 8 numbers. Each figure is of a process of its own; "start" is one that does nothing.
// Usage: tsx bench/growth.ts [--times 1,10,100] [--stages prepare,report] (needs ../shared/data/flickr8k)
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { STAGES } from './growth-stages.ts'

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '1,10,100' },
    stages: { type: 'string', default: Object.keys(STAGES).join() },
    /** the folder of a stage that this process runs, as JSON `[name, times, folder]` */
    stage: { type: 'string' },
  },
})
const FLICKR8K = fileURLToPath(new URL('../../shared/data/flickr8k/', import.meta.url))

if (values.stage !== undefined) {
  const [name, times, folder] = JSON.parse(values.stage) as [string, number, string]
  const [started, before] = [performance.now(), process.cpuUsage()]
  const work = await STAGES[name]!({ source: FLICKR8K, folder, times })
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  const megabytes = process.resourceUsage().maxRSS / 1024
  console.log(JSON.stringify({ ...work, seconds, cpu: (user + system) / 1e6, megabytes }))
} else if (!existsSync(FLICKR8K)) console.log(`Skipped: there is no ${FLICKR8K}`)
else {
  console.log(
    '| stage | times | of what | seconds | CPU seconds | peak memory, MB |\n| --- | --- | --- | --- | --- | --- |',
  )
  const wanted = values.stages.split(',')
  for (const times of values.times.split(',')) {
    const folder = await mkdtemp(join(tmpdir(), 'mia-growth-'))
    // every stage runs, since later ones read what earlier ones wrote, but only those that are wanted are printed
    for (const name of Object.keys(STAGES)) {
      if (!wanted.includes(name) && !['source', 'prepare', 'features-write'].includes(name)) continue
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        ['--import', 'tsx', fileURLToPath(import.meta.url), '--stage', JSON.stringify([name, Number(times), folder])],
        { encoding: 'utf8' },
      )
      if (status !== 0) {
        console.log(`| ${name} | ${times} | failed | ${stderr.trim().split('\n').at(-1)} | | |`)
        continue
      }
      const { of, count, seconds, cpu, megabytes } = JSON.parse(stdout) as Record<string, number>
      if (wanted.includes(name))
        console.log(
          `| ${name} | ${times} | ${count!.toLocaleString('en')} ${of} | ${seconds!.toFixed(2)} | ` +
            `${cpu!.toFixed(2)} | ${megabytes!.toFixed(0)} |`,
        )
    }
    await rm(folder, { recursive: true })
  }
}
