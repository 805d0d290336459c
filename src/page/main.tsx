import { Captioner } from '../hosts/web/index.ts'

;(globalThis as unknown as { Captioner: unknown }).Captioner = Captioner
