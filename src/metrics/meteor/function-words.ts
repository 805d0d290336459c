/**
 * METEOR's function words: the 93 entries of `resources/function/english.words` of cmu-mtlab/meteor, words with a
 * relative frequency above 0.001 in a large tokenised English corpus (Denkowski and Lavie, WMT 2014, section 2.2). The
 * file itself could not be had here. METEOR 1.5's scores of 1,013 captions decide 62 entries and 2,009 words that are
 * not on the list; the marks are those that danijel3/meteor's Polish list took over from the English one. With these
 * the frequent words that no score decides ("but", "had", "we", ...) are 93 entries, as the original has.
 */
export const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  `a about after all also an and are as at be been by can first for from has have he her his if in into is it its no
  not of on one or other out over people s she some than that the their there they this to two up was which who will
  with years -lrb- -rrb- . : '

  but could had i last more new said so time we were what when would year you

  's 't $ , " ( ) - -- ? ’ “ ” —`.split(/\s+/),
)
