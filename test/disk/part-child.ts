// Writes half of the way to a file in each of the folders given: the `.part` files are there, and never get their
// names.
import { join } from 'node:path'
import { writePart } from '../../src/disk/part-files.ts'

for (const folder of process.argv.slice(2)) await writePart(join(folder, 'checkpoint.safetensors'), 'half of it')
process.send!('written')
setInterval(() => {}, 1000)
