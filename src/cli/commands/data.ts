import { thousands } from '../../wording.ts'
import { defineCommand } from '../command.ts'
import { choice, flag, text } from '../options.ts'
import { shellQuoted, table } from '../output.ts'

/** `mia data coco`: downloads and unpacks COCO. */
export const dataCoco = defineCommand({
  name: 'data coco',
  summary: 'download COCO: images, captions, splits',
  description:
    'Downloads the images and captions of COCO (Chen et al., 2015), and with --karpathy the split that papers report ' +
    'on, from their public addresses, checks them against the published sizes and SHA-256, and unpacks what captioning ' +
    'needs. Downloads that break off resume where they were. The release of 2017 takes 20 GB, and 40 GB while it is ' +
    'unpacked.',
  examples: [
    { call: 'mia data coco --out coco', what: 'the release of 2017' },
    { call: 'mia data coco --out coco --karpathy', what: "the release of 2014, and Karpathy's split of it" },
    { call: 'mia data coco --out coco --dry-run', what: 'only list addresses, sizes and the space needed' },
    { call: 'mia data coco --out coco --from ~/downloads', what: 'use train2017.zip and others that are there' },
  ],
  options: {
    out: text('folder', 'folder to unpack into', { required: true }),
    year: choice('year', 'release (default: 2017, with --karpathy 2014)', ['2014', '2017']),
    karpathy: flag("download Karpathy's split too (dataset_coco.json)"),
    from: text('folder', 'folder of archives that you have; they are not downloaded, and kept'),
    keepArchives: flag('keep the downloaded archives after unpacking, in <out>/downloads'),
    dryRun: flag('list the addresses and sizes, and download nothing'),
  },
  resumes: true,
  async run({ out, year: given, karpathy, from, keepArchives, dryRun }, { signal, report }) {
    const { cocoArchives, downloadArchives, freeSpace, megabytes, planArchives, spaceNeeded } = await import(
      '../../data/coco-archives.ts'
    )
    const year = given === undefined ? (karpathy ? 2014 : 2017) : (Number(given) as 2014 | 2017)
    const options = { archives: cocoArchives({ year, karpathy }), out, from, keepArchives }
    const plan = await planArchives(options)
    const [neededBytes, freeBytes] = [spaceNeeded(plan, options), await freeSpace(out)]
    const json = {
      out,
      year,
      dryRun,
      archives: plan.map(({ archive: { name, url, bytes, sha256 }, state, had }) => ({
        ...{ name, url, bytes, sha256, state },
        downloadedBytes: had,
      })),
      neededBytes,
      freeBytes,
    }
    if (dryRun) {
      const rows = plan.map(({ archive: { name, bytes, url }, state, had }) => {
        const rest = had > 0 ? `download the last ${megabytes(bytes - had)} MB` : 'download'
        const does = { unpacked: 'unpacked already', given: `unpack from ${from}`, download: rest }[state]
        return [name, thousands(bytes), does, url]
      })
      return {
        json,
        text: [
          ...table([['archive', 'bytes', 'to do', 'address'], ...rows]),
          '',
          `${megabytes(neededBytes)} MB needed in ${out}, ${megabytes(freeBytes)} MB free`,
        ],
      }
    }
    const showDownload = report.progress('Downloading', 'MB')
    await downloadArchives({
      ...options,
      signal,
      onDownload: (done, total) => showDownload(Math.floor(done / 1e6), Math.ceil(total / 1e6)),
      onUnpack: ({ name }) => report.progress(`Unpacking ${name}`, 'files'),
      onRetry: (why) => report.note(why),
    })
    const prepare = karpathy
      ? `karpathy --file ${shellQuoted(`${out}/dataset_coco.json`)} --images ${shellQuoted(out)} --out data/karpathy`
      : `coco --root ${shellQuoted(out)} --year ${year} --out data/coco`
    return {
      json,
      text: `COCO ${year}${karpathy ? " and Karpathy's split" : ''} in ${out}`,
      next: `mia prepare ${prepare}`,
    }
  },
})
