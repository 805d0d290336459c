import { bgr255, imagenet, type Normalisation, symmetric } from '../preprocessing.ts'

/** Networks whose files do not say how they want their pictures, by the SHA-256 of the file. All others are taken to be torchvision's. */
const known: Readonly<Record<string, Normalisation>> = {
  // MobileNetV2 1.0 of TensorFlow's model garden, 1,001 classes
  fcc2b902ab5f544338f608609a44f87bb50a56758582f8ab4439505837c497d7: symmetric,
  // SqueezeNet 1.1 of torchvision
  '9c5dca3635e40c5d411d73b8555b9149ec193ca26a426a3ada77cb85a3ff2c01': imagenet,
  // YOLOX-Nano
  e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd: bgr255,
}

export const normalisationOf = (sha256: string): Normalisation => known[sha256] ?? imagenet
