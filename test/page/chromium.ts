import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Chromium, as Debian installs it, or the one that CHROMIUM names; undefined if there is none. */
export const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path))

/** Starts Chromium, `webgpu` with an adapter that computes on the processor (SwiftShader). */
export const startChromium = ({ webgpu = false } = {}): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM!,
    args: webgpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : [],
  })
