import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Chromium, as Debian installs it, or the one that CHROMIUM names; undefined if there is none. */
export const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path))

/** WebGPU on an adapter that computes on the processor. */
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']
/** WebGPU on the machine's GPU by Vulkan, without a screen. */
const VULKAN = [
  '--enable-unsafe-webgpu',
  '--ignore-gpu-blocklist',
  '--enable-features=Vulkan',
  '--use-angle=vulkan',
  '--disable-vulkan-surface',
]

/** Starts Chromium; with `webgpu` on SwiftShader, or on the machine's GPU if MIA_TEST_GPU is set. */
export const startChromium = ({ webgpu = false } = {}): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM!, args: webgpu ? (process.env.MIA_TEST_GPU ? VULKAN : SWIFTSHADER) : [] })
