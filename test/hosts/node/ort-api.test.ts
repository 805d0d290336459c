import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/folder.ts'
import { COLLECT_GARBAGE, runScript, source } from '../../support/script.ts'

test('an asynchronous call keeps its arguments and the owner of what they point to until it has ended', async () => {
  const script = `
import { pbkdf2 } from 'node:crypto'
import { OrtApi } from ${source('hosts/node/ort-api.ts')}
import { libraryPath } from ${source('hosts/node/ort-library.ts')}
${COLLECT_GARBAGE}
const api = new OrtApi(libraryPath())
/** Starts a call with a typed array and an owner that nothing else holds. */
function call(ended) {
  const [result, owner] = [new BigUint64Array(1), { owner: true }]
  void api.callAsync('CreateThreadingOptions', [result], [owner]).then(ended)
  return [new WeakRef(result), new WeakRef(owner)]
}
const alive = (references) => references.map((each) => each.deref() !== undefined)

// the only thread is busy, so that the call is in progress until this has ended
let busy = true
pbkdf2('password', 'salt', 1_000_000, 64, 'sha512', () => { busy = false })
let end
const ended = new Promise((resolve) => { end = resolve })
const references = call(end)
await collect()
const before = { busy, alive: alive(references) }
await ended
await collect()
console.log(JSON.stringify({ before, after: alive(references) }))
`
  const folder = await temporaryFolder()
  const output = await runScript(folder, script, { nodeOptions: ['--expose-gc'], env: { UV_THREADPOOL_SIZE: '1' } })
  expect(JSON.parse(output)).toEqual({ before: { busy: true, alive: [true, true] }, after: [false, false] })
})

test('the library stays loaded when nothing but its functions is in use', async () => {
  const script = `
import { OrtApi } from ${source('hosts/node/ort-api.ts')}
import { libraryPath } from ${source('hosts/node/ort-library.ts')}
const api = new OrtApi(libraryPath())
for (let i = 0; i < 3; i++) {
  await new Promise((resolve) => setImmediate(resolve))
  gc()
}
console.log(api.make('CreateThreadingOptions') !== 0n)
`
  expect(await runScript(await temporaryFolder(), script, { nodeOptions: ['--expose-gc'] })).toBe('true\n')
})
