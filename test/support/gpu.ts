import { existsSync } from 'node:fs'
import { CPU, type Device } from '../../src/device.ts'
import type { Runtime } from '../../src/engine/session.ts'
import { UserError } from '../../src/errors.ts'
import { canLoad } from '../../src/hosts/node/ort-library.ts'
import { runtimeOn } from '../../src/hosts/node/runtime.ts'

/** The GPU by WebGPU. */
export const WEBGPU: Device = { ...CPU, kind: 'webgpu' }

/** The driver of Debian's Chromium that computes on the processor, and the loader of drivers beside it. */
const [SOFTWARE_DRIVER, LOADER] = ['/usr/lib/chromium/vk_swiftshader_icd.json', '/usr/lib/chromium/libvulkan.so.1']

/**
 * WebGPU here, or why there is none: on the processor by the driver of Debian's Chromium, or on the machine's GPU if
 * MIA_TEST_GPU is set or there is no Chromium.
 */
export function webgpuHere(): Runtime | string {
  if (!process.env.MIA_TEST_GPU && existsSync(SOFTWARE_DRIVER)) process.env.VK_ICD_FILENAMES = SOFTWARE_DRIVER
  // a library of the same name that is loaded already is found by that name
  if (!canLoad('libvulkan.so.1') && existsSync(LOADER)) canLoad(LOADER)
  try {
    return runtimeOn(WEBGPU)
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
}
