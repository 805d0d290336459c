import { UserError } from '../../errors.ts'
import type { GraphProto, ValueInfoProto } from '../../onnx/pb.ts'
import { TensorProto_DataType as DataType } from '../../onnx/pb.ts'

/** The input of a network that takes its images. */
export interface ImageInput {
  readonly name: string
  /** the ONNX type of its elements */
  readonly type: number
  /** whether it is `[images, height, width, 3]`, as TensorFlow has it, and not `[images, 3, height, width]` */
  readonly channelsLast: boolean
  /** the number of images that the file fixes, undefined if it takes any */
  readonly batch: number | undefined
  /** the height in pixels, undefined if the file leaves it open */
  readonly height: number | undefined
  /** the width in pixels, undefined if the file leaves it open */
  readonly width: number | undefined
}

/** The types of images that ONNX Runtime can make of float32. */
const TYPES: ReadonlySet<number> = new Set([
  DataType.FLOAT,
  DataType.FLOAT16,
  DataType.DOUBLE,
  DataType.BFLOAT16,
  DataType.UINT8,
])
/** Names that exporters give to images. */
const USUAL_NAMES = ['pixel_values', 'images', 'image', 'input']
/** The most images at once of a file that fixes their number. */
const MAX_BATCH = 64

/**
 * Finds the input that takes the images, `[images, 3, height, width]` or `[images, height, width, 3]`; other inputs may
 * be there, for example of CLIP's text. Throws UserError, without the file, if there is none.
 */
export function imageInput({ input, initializer }: GraphProto): ImageInput {
  // files before IR version 4 list their initializers as inputs, too
  const stored = new Set(initializer.map(({ name }) => name))
  const inputs = input.filter(({ name }) => !stored.has(name))
  const found = inputs.flatMap((info) => asImages(info) ?? [])
  const images = USUAL_NAMES.flatMap((usual) => found.find(({ name }) => name === usual) ?? [])[0] ?? found[0]
  if (!images) {
    const all = inputs.map((info) => `"${info.name}" ${describe(info)}`).join(' and ') || 'none'
    throw new UserError(
      `its inputs are ${all}; expected images [images, 3, height, width] or [images, height, width, 3]`,
    )
  }
  if (images.batch !== undefined && images.batch > MAX_BATCH)
    throw new UserError(`it takes ${images.batch} images at once; export it for one, or for any number`)
  return images
}

/** The axes of a tensor's shape, undefined where the file leaves them open: as a name, as 0 or as -1. */
function sizesOf({ type }: ValueInfoProto): (number | undefined)[] | undefined {
  if (type?.value.case !== 'tensorType') return undefined
  return type.value.value.shape?.dim.map(({ value }) =>
    value.case === 'dimValue' && value.value > 0n ? Number(value.value) : undefined,
  )
}

function asImages(info: ValueInfoProto): ImageInput | undefined {
  const sizes = sizesOf(info)
  const type = info.type?.value.case === 'tensorType' ? info.type.value.value.elemType : 0
  if (info.name === '' || sizes?.length !== 4 || !TYPES.has(type)) return undefined
  const [batch, second, third, last] = sizes
  const channelsLast = last === 3 && second !== 3
  if (!channelsLast && second !== undefined && second !== 3) return undefined
  const [height, width] = channelsLast ? [second, third] : [third, last]
  return { name: info.name, type, channelsLast, batch, height, width }
}

/** The type and shape of an input, for messages. */
function describe(info: ValueInfoProto): string {
  if (info.type?.value.case !== 'tensorType') return 'not a tensor'
  const { elemType } = info.type.value.value
  const type = elemType === DataType.FLOAT ? '' : `${(DataType[elemType] ?? `type ${elemType}`).toLowerCase()} `
  return `${type}[${
    sizesOf(info)
      ?.map((size) => size ?? '?')
      .join(', ') ?? '...'
  }]`
}
