import { mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join, posix, resolve } from 'node:path'
import { errorCode, throwFileError } from '../disk/errno.ts'
import { writeFileAtomic } from '../disk/files.ts'
import { withLock } from '../disk/lock.ts'
import { UserError } from '../errors.ts'
import type { Progress } from '../progress.ts'
import { thousands } from '../wording.ts'
import type { CocoYear } from './coco.ts'
import { download, downloadedBytes, type RemoteFile } from './download.ts'
import { listFiles } from './folders.ts'
import { unpackZip } from './zip.ts'

/** A published archive, and what is needed of it. */
export interface Archive extends Required<RemoteFile> {
  /** File name, as in "train2017.zip". */
  readonly name: string
  /** The size of the unpacked files in bytes, about. */
  readonly unpackedBytes: number
  /** Selects the needed files by their path in the archive. */
  readonly wanted: (path: string) => boolean
}

/** Options of cocoArchives(). */
export interface CocoArchivesOptions {
  /** The release of images and annotations. */
  readonly year: CocoYear
  /** Whether Karpathy's split is wanted too. */
  readonly karpathy?: boolean
}

const COCO = 'http://images.cocodataset.org'
const isImage = (path: string): boolean => path.endsWith('.jpg')
const isCaptions = (path: string): boolean => /^annotations\/captions_[^/]*\.json$/.test(path)

/**
 * The archives of a release: annotations, validation images, training images; and Karpathy's split. Sizes and SHA-256
 * of COCO's are those that TensorFlow Datasets publishes (url_checksums/coco.txt): COCO itself publishes none. Those of
 * Karpathy's archive were reported by several projects that downloaded it.
 */
export function cocoArchives({ year, karpathy = false }: CocoArchivesOptions): readonly Archive[] {
  return karpathy ? [...RELEASES[year], KARPATHY] : RELEASES[year]
}

/** An archive of images: JPEG files do not get smaller, so they take as much space as the archive. */
const images = (part: string, bytes: number, sha256: string): Archive => ({
  name: `${part}.zip`,
  url: `${COCO}/zips/${part}.zip`,
  bytes,
  sha256,
  unpackedBytes: bytes,
  wanted: isImage,
})

const annotations = (year: CocoYear, bytes: number, sha256: string): Archive => ({
  name: `annotations_trainval${year}.zip`,
  url: `${COCO}/annotations/annotations_trainval${year}.zip`,
  bytes,
  sha256,
  unpackedBytes: 100_000_000,
  wanted: isCaptions,
})

const RELEASES: Readonly<Record<CocoYear, readonly Archive[]>> = {
  2014: [
    annotations(2014, 252_872_794, '031296bbc80c45a1d1f76bf9a90ead27e94e99ec629208449507a4917a3bf009'),
    images('val2014', 6_645_013_297, 'fe9be816052049c34717e077d9e34aa60814a55679f804cd043e3cbee3b9fde0'),
    images('train2014', 13_510_573_713, 'ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775'),
  ],
  2017: [
    annotations(2017, 252_907_541, '113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268'),
    images('val2017', 815_585_330, '4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05'),
    images('train2017', 19_336_861_798, '69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929'),
  ],
}

const KARPATHY: Archive = {
  name: 'caption_datasets.zip',
  url: 'https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip',
  bytes: 36_745_453,
  sha256: '4cfd70132527b80933105e5829dc9034eaab9573482e2e680abbab6130244817',
  unpackedBytes: 144_186_139,
  wanted: (path) => path === 'dataset_coco.json',
}

/** Where an archive comes from. */
export type ArchiveState =
  /** its files are unpacked already */
  | 'unpacked'
  /** it is in the folder of `from` */
  | 'given'
  /** it has to be downloaded, at least in part */
  | 'download'

/** What downloadArchives() will do with an archive. */
export interface PlannedArchive {
  readonly archive: Archive
  readonly state: ArchiveState
  /** The path of the archive. */
  readonly path: string
  /** Bytes that an earlier call has downloaded. */
  readonly had: number
}

/** Options of planArchives() and downloadArchives(). */
export interface ArchivesOptions {
  readonly archives: readonly Archive[]
  /** The folder to unpack into; archives are downloaded into `downloads` below it. */
  readonly out: string
  /** A folder of archives that were downloaded by other means. They are used where they are, and kept. */
  readonly from?: string | undefined
  /** Whether downloaded archives are kept after unpacking. */
  readonly keepArchives?: boolean | undefined
}

/** Options of downloadArchives(). */
export interface DownloadArchivesOptions extends ArchivesOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the downloaded bytes of all archives and their total. */
  readonly onDownload?: Progress | undefined
  /** Called when an archive begins to be unpacked; returns the callback for its files. */
  readonly onUnpack?: ((archive: Archive) => Progress) | undefined
  /** Called with a sentence when a download breaks off and is tried again. */
  readonly onRetry?: ((why: string) => void) | undefined
  /** Pause before a download is tried again and the time without bytes that ends an attempt, in milliseconds. */
  readonly pauseMs?: number | undefined
  readonly stallMs?: number | undefined
}

/** Downloads that run at once. */
const AT_ONCE = 4

/**
 * Says for each archive where it comes from and how much of it is there already. Throws UserError if a file in `from`
 * has another size than the published archive.
 */
export async function planArchives({ archives, out, from }: ArchivesOptions): Promise<readonly PlannedArchive[]> {
  if (from !== undefined) await readdir(from).catch((error) => throwFileError('read archives in', from, error))
  return Promise.all(
    archives.map(async (archive): Promise<PlannedArchive> => {
      const given = from === undefined ? undefined : join(from, archive.name)
      if (await isUnpacked(out, archive)) return { archive, state: 'unpacked', path: given ?? '', had: 0 }
      const found = given && (await stat(given).catch(() => undefined))
      if (given !== undefined && found) {
        if (found.size !== archive.bytes)
          throw new UserError(
            `Cannot use "${given}": it has ${thousands(found.size)} bytes and the published archive ` +
              `${thousands(archive.bytes)}; download it again`,
          )
        return { archive, state: 'given', path: given, had: archive.bytes }
      }
      const path = join(out, 'downloads', archive.name)
      return { archive, state: 'download', path, had: Math.min(archive.bytes, await downloadedBytes(path)) }
    }),
  )
}

/**
 * The bytes that the plan writes at most at one time. Archives are downloaded together, then unpacked one after the
 * other; each is removed when its files are unpacked, unless `keepArchives`.
 */
export function spaceNeeded(plan: readonly PlannedArchive[], { keepArchives = false } = {}): number {
  const downloads = plan.filter(({ state }) => state === 'download')
  const rest = downloads.reduce((sum, { archive, had }) => sum + archive.bytes - had, 0)
  let used = rest
  let most = rest
  for (const { archive, state } of plan) {
    if (state === 'unpacked') continue
    used += archive.unpackedBytes
    most = Math.max(most, used)
    if (state === 'download' && !keepArchives) used -= archive.bytes
  }
  return most
}

/**
 * Downloads and unpacks archives into `out`. Checks the space on the disk first. An archive in `from` is unpacked where
 * it is. After an interruption the same call resumes: downloads continue at their last byte, unpacking at the first
 * missing file. Throws UserError if the disk has too little space, if a download fails, or if an archive is damaged.
 */
export async function downloadArchives(options: DownloadArchivesOptions): Promise<readonly PlannedArchive[]> {
  const { out, signal } = options
  const folder = resolve(out)
  await mkdir(folder, { recursive: true }).catch((error) => throwFileError('write', folder, error))
  return withLock(join(folder, 'downloads'), 'the folder of downloads', async () => {
    const plan = await planArchives(options)
    await checkSpace(plan, options)
    await downloadAll(plan, options)
    for (const planned of plan) {
      signal?.throwIfAborted()
      if (planned.state !== 'unpacked') await unpack(planned, options)
    }
    return plan
  })
}

async function checkSpace(
  plan: readonly PlannedArchive[],
  { out, keepArchives = false }: ArchivesOptions,
): Promise<void> {
  const needed = spaceNeeded(plan, { keepArchives })
  const free = await freeSpace(out)
  if (needed > free)
    throw new UserError(
      `Cannot download into "${out}": ${megabytes(needed)} MB are needed and ${megabytes(free)} MB are free; ` +
        'free some space, or give a folder on another disk with --out',
    )
}

/** The free bytes on the disk of a folder that may not exist yet. Throws UserError if they cannot be determined. */
export async function freeSpace(folder: string): Promise<number> {
  for (let each = resolve(folder); ; each = dirname(each)) {
    try {
      const { bavail, bsize } = await statfs(each)
      return bavail * bsize
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || dirname(each) === each) throwFileError('write', folder, error)
    }
  }
}

/** Bytes as whole megabytes (10^6 bytes), as in "19,337". */
export const megabytes = (bytes: number): string => thousands(Math.ceil(bytes / 1e6))

async function downloadAll(
  plan: readonly PlannedArchive[],
  { signal, onDownload, onRetry, pauseMs, stallMs }: DownloadArchivesOptions,
): Promise<void> {
  const downloads = plan.filter(({ state }) => state === 'download')
  if (downloads.length === 0) return
  const total = downloads.reduce((sum, { archive }) => sum + archive.bytes, 0)
  const bytes = new Map(downloads.map(({ archive, had }) => [archive, had]))
  const failed = new AbortController() // one failure ends the others: they resume with the next call
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  const queue = downloads.values() // shared by the workers
  const work = async (): Promise<void> => {
    for (const { archive, path } of queue)
      await download(archive, path, {
        signal: stop,
        pauseMs,
        stallMs,
        onBytes: (done) => {
          bytes.set(archive, done)
          onDownload?.(
            [...bytes.values()].reduce((sum, each) => sum + each, 0),
            total,
          )
        },
        onRetry: (why) => onRetry?.(`${archive.name}: ${why}`),
      }).catch((error) => {
        failed.abort(error)
        throw error
      })
  }
  await Promise.allSettled(Array.from({ length: AT_ONCE }, work))
  signal?.throwIfAborted()
  if (failed.signal.aborted) throw failed.signal.reason
}

async function unpack(
  { archive, state, path }: PlannedArchive,
  { out, keepArchives = false, signal, onUnpack }: DownloadArchivesOptions,
): Promise<void> {
  const onProgress = onUnpack?.(archive)
  const { files } = await unpackZip({
    path,
    folder: out,
    wanted: archive.wanted,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })
  if (files.length === 0) throw new UserError(`Cannot use "${path}": it has none of the files of ${archive.name}`)
  await writeFileAtomic(record(out, archive), `${JSON.stringify({ sha256: archive.sha256, files })}\n`)
  if (state === 'download' && !keepArchives) await rm(path, { force: true })
}

/** The file that says that an archive is unpacked. */
const record = (out: string, { name }: Archive): string => join(out, 'downloads', `${name}.unpacked.json`)

/** Whether an earlier call has unpacked this archive and all its files are still there. */
async function isUnpacked(out: string, archive: Archive): Promise<boolean> {
  try {
    const { sha256, files } = JSON.parse(await readFile(record(out, archive), 'utf8')) as Record<string, unknown>
    if (sha256 !== archive.sha256 || !Array.isArray(files)) return false
    const there = await listFiles(out, new Set(files.map((file) => posix.dirname(file))))
    return files.every((file) => there.has(file))
  } catch {
    return false // no record, or not one of this program: unpacking again finds the files that are there
  }
}
