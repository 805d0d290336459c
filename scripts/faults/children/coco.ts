// Downloads and unpacks the archive of MIA_FAULTS_ARCHIVE as `mia data coco` does. Run by commands.ts.
// Usage: tsx scripts/faults/children/coco.ts <folder>
import { downloadArchives } from '../../../src/data/coco-archives.ts'
import { asCommand } from './as-command.ts'

const file = JSON.parse(process.env.MIA_FAULTS_ARCHIVE!) as { url: string; bytes: number; sha256: string }
await asCommand(async () => {
  await downloadArchives({
    archives: [{ ...file, name: 'val2017.zip', unpackedBytes: file.bytes, wanted: () => true }],
    out: process.argv[2]!,
  })
})
