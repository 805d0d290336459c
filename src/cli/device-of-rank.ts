import { type Device, deviceName } from '../device.ts'
import type { LocalRank } from '../distributed/communicator.ts'
import { UsageError } from '../errors.ts'
import { counted } from '../wording.ts'

/**
 * The device of a rank: of NVIDIA's GPUs each rank on a machine gets the one of its own number, as with torchrun's
 * LOCAL_RANK; more ranks than GPUs share them. `visible` is CUDA_VISIBLE_DEVICES, which numbers the GPUs anew, and
 * which Slurm may set to one GPU for each rank. Throws UsageError if the device has a number and several ranks would
 * share it.
 */
export function deviceOfRank(device: Device, { rank, size }: LocalRank, visible: string | undefined): Device {
  if (device.kind !== 'cuda' || size === 1) return device
  if (device.index !== undefined)
    throw new UsageError(
      `Cannot use the device ${deviceName(device)} for each of ${counted(size, 'rank')} on one machine: write ` +
        '"--device cuda", which gives each rank a GPU of its own',
    )
  const count = visible?.split(',').filter((each) => each !== '').length
  return { kind: 'cuda', index: count ? rank % count : rank }
}
