import sharp from 'sharp'

/** A PNG of one colour: different numbers give different pictures. */
export const plainPng = (number: number, size = 32): Promise<Buffer> =>
  sharp({
    create: {
      width: size,
      height: size,
      channels: 3,
      background: { r: (number * 37) % 256, g: (number * 74) % 256, b: (number * 111) % 256 },
    },
  })
    .png()
    .toBuffer()
