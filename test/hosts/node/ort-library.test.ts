import { cp, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import { OrtApi, pathBytes } from '../../../src/hosts/node/ort-api.ts'
import { engineVersion, koffi, libraryPath, loadAdvice, STACK_BYTES } from '../../../src/hosts/node/ort-library.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { runScript, source } from '../../support/script.ts'

const require = createRequire(import.meta.url)

test('koffi without its native package is a UserError that names the package and the command', async () => {
  const folder = await temporaryFolder()
  const from = dirname(require.resolve('koffi'))
  await cp(from, join(folder, 'node_modules/koffi'), { recursive: true })
  const load = () => koffi(createRequire(join(folder, 'index.js')))
  expect(load).toThrow(UserError)
  expect(load).toThrow(
    new RegExp(
      `^Cannot load koffi.*native Koffi module.*"@koromix/koffi-${process.platform}-${process.arch}": run "npm ci"`,
    ),
  )
})

test('without the package koffi the error says so', async () => {
  const folder = await temporaryFolder()
  expect(() => koffi(createRequire(join(folder, 'index.js')))).toThrow(
    /^Cannot load koffi.*Cannot find module 'koffi';/,
  )
})

test('koffi gives asynchronous calls a stack that ONNX Runtime fits on', () => {
  expect(koffi().config().async_stack_size).toBe(STACK_BYTES)
})

test('models run in a program that has called a library through koffi before', async () => {
  const folder = await temporaryFolder()
  const script = `
import { createRequire } from 'node:module'
const koffi = createRequire(${JSON.stringify(import.meta.url)})('koffi')
const abs = koffi.load(null).func('int abs(int)')
abs(-1)
const { nodeRuntime } = await import(${source('hosts/node/runtime.ts')})
const { toOnnx } = await import(${source('onnx/export.ts')})
const { input } = await import(${source('graph/index.ts')})
const { add } = await import(${source('graph/index.ts')})
const { floats } = await import(${source('formats/host-value.ts')})
const session = await nodeRuntime.load(toOnnx({ sum: add(input('x', [1]), 1) }))
console.log(koffi.config().async_stack_size, (await session.run({ x: floats([1]) })).sum.data[0])
`
  expect(await runScript(folder, script)).toBe('131072 1\n')
})

test('importing the runtime loads neither koffi nor ONNX Runtime', async () => {
  const folder = await temporaryFolder()
  const script = `
import ${source('hosts/node/runtime.ts')}
import { createRequire } from 'node:module'
const native = process.report.getReport().sharedObjects.filter((path) => /koffi|onnxruntime/.test(path))
console.log(JSON.stringify(native))
`
  expect(JSON.parse(await runScript(folder, script))).toEqual([])
})

test('a library that the system cannot load is a UserError with its path, the reason and what to do', async () => {
  const path = join(await temporaryFolder(), 'libonnxruntime.so.1')
  await writeFile(path, 'not a library')
  expect(() => new OrtApi(path)).toThrow(UserError)
  expect(() => new OrtApi(path)).toThrow(`Cannot load ONNX Runtime from "${path}": `)
  expect(() => new OrtApi(path)).toThrow(/run "npm ci" to install it again|Visual C\+\+/)
})

test('loadAdvice() tells musl, Plug and Play and Windows apart', () => {
  const linux = { platform: 'linux', glibc: true, plugAndPlay: false }
  expect(loadAdvice(linux)).toBe('run "npm ci" to install it again')
  expect(loadAdvice({ ...linux, glibc: false })).toContain('Debian-based image')
  expect(loadAdvice({ ...linux, plugAndPlay: true })).toContain('nodeLinker: node-modules')
  expect(loadAdvice({ platform: 'darwin', glibc: false, plugAndPlay: false })).toBe('run "npm ci" to install it again')
  expect(loadAdvice({ platform: 'win32', glibc: false, plugAndPlay: false })).toContain('Visual C++ Redistributable')
})

test('libraryPath() finds the library for this machine, and refuses platforms that have none', () => {
  expect(libraryPath()).toContain(join(process.platform, process.arch))
  expect(() => libraryPath({ platform: 'darwin', arch: 'x64' })).toThrow(UserError)
  expect(() => libraryPath({ platform: 'darwin', arch: 'x64' })).toThrow(
    /^Cannot run models on darwin x64: onnxruntime-node has libraries for .*darwin arm64.*; .*no longer supports Intel Macs/,
  )
  expect(() => libraryPath({ platform: 'freebsd', arch: 'x64' })).toThrow(
    /^Cannot run models on freebsd x64: .*linux x64/,
  )
})

test('engineVersion() is the version of onnxruntime-node', async () => {
  expect(await engineVersion()).toBe(require('onnxruntime-node/package.json').version)
})

test('pathBytes() is UTF-16 on Windows and UTF-8 elsewhere, ending in a zero', () => {
  expect([...pathBytes('é1', 'linux')]).toEqual([0xc3, 0xa9, 0x31, 0])
  expect([...pathBytes('é1', 'win32')]).toEqual([0xe9, 0, 0x31, 0, 0, 0])
})

test.each(['0', '-1', '1.5', 'many'])('MIA_THREADS=%s is a UserError', async (threads) => {
  const folder = await temporaryFolder()
  const script = `
import { nodeRuntime } from ${source('hosts/node/runtime.ts')}
const error = await nodeRuntime.load(new Uint8Array()).catch((error) => error)
console.log(error.name + ': ' + error.message)
`
  expect(await runScript(folder, script, { env: { MIA_THREADS: threads } })).toBe(
    `UserError: Cannot use MIA_THREADS="${threads}": it must be a whole number of threads, at least 1\n`,
  )
})
