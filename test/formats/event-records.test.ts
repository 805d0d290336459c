import { expect, test } from 'vitest'
import { crc32c, summaryRecord, versionRecord } from '../../src/formats/event-records.ts'

test.each<[string, Uint8Array, number]>([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
])('crc32c() of %s is that of RFC 3720, B.4', (_, data, crc) => {
  expect(crc32c(data)).toBe(crc)
})

// RecordWriter and the protobuf classes of TensorBoard 2.21.0 wrote these bytes for the same events:
//   writer.write(Event(wall_time=1764145648.5, step=25, summary=Summary(value=[Summary.Value(tag=.., simple_value=..)])))
// and, for the text, a Summary.Value with a DT_STRING tensor of shape [1] and the plugin name "text".
const WRITTEN_BY_TENSORBOARD =
  'GAAAAAAAAACjf0siCQAA0HuuSdpBGg1icmFpbi5FdmVudDoysFjcMDwAAAAAAAAAyLejUgkAACB8rknaQRAZKi8KEQoKdHJhaW4vbG9zcxUAAMA/' +
  'ChoKE3RyYWluL2xlYXJuaW5nX3JhdGUVbxIDOpjt44pOAAAAAAAAAMS5Ba0JAACAfK5J2kEQ8KIEKj8KEAoJdmFsL0NJREVyFQAAAAAKKwoMdmFs' +
  'L2NhcHRpb25zQhEIBxIEEgIIAUIHfCDDvCB8CkoICgYKBHRleHS+F5Ub'

test('records are byte by byte those that TensorBoard writes', () => {
  const ours = Buffer.concat([
    versionRecord(1764145647.25),
    summaryRecord({
      wallTime: 1764145648.5,
      step: 25,
      scalars: [
        { tag: 'train/loss', value: 1.5 },
        { tag: 'train/learning_rate', value: 5e-4 },
      ],
    }),
    summaryRecord({
      wallTime: 1764145650,
      step: 70000,
      scalars: [{ tag: 'val/CIDEr', value: 0 }],
      texts: [{ tag: 'val/captions', text: '| ü |\n' }],
    }),
  ])
  expect(ours.toString('base64')).toBe(WRITTEN_BY_TENSORBOARD)
})
