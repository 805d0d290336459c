/**
 * Parts of our parameter names and what they are in the published code. The layouts are the same, except that the
 * feed-forward kernels are `[out, in, 1]` there.
 */
const PARTS: readonly (readonly [ours: RegExp, published: string])[] = [
  [/^words\./, 'decoder.caption_embed.'],
  [/^encoder\.image\./, 'encoder_image.affine_a.'],
  [/^encoder\.mia\.visual\./, 'MIA.layer_refine_V.'],
  [/^encoder\.mia\.textual\./, 'MIA.layer_refine_T.'],
  [/^encoder\.mia\./, 'MIA.'],
  [/\.attention\.query\./, '.enc_attn.w_qs.'],
  [/\.attention\.key\./, '.enc_attn.w_ks.'],
  [/\.attention\.value\./, '.enc_attn.w_vs.'],
  [/\.attention\.output\./, '.enc_attn.fc.'],
  [/\.attention\.norm\./, '.enc_attn.layer_norm.'],
  [/\.feedForward\.inner\./, '.pos_ffn.w_1.'],
  [/\.feedForward\.outer\./, '.pos_ffn.w_2.'],
  [/\.feedForward\.norm\./, '.pos_ffn.layer_norm.'],
  [/^decoder\.visualMean\./, 'decoder.affine_va.'],
  [/^decoder\.lstm\.(\w+)$/, 'decoder.LSTM.$1_l0'],
  [/^decoder\.attention\.region\./, 'decoder.attention.affine_x.'],
  [/^decoder\.attention\.hidden\./, 'decoder.attention.affine_h.'],
  [/^decoder\.attention\.score\./, 'decoder.attention.affine_alpha.'],
  [/^decoder\.output\./, 'decoder.mlp.'],
  [/(^MIA\..*|^MIA)\bnorm\./, '$1layer_norm.'],
]

/** The name that a parameter of ours has in the published PyTorch code. */
export const publishedName = (ours: string): string =>
  PARTS.reduce((name, [part, published]) => name.replace(part, published), ours)
