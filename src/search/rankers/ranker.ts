/** The role that scores hypotheses of different lengths against each other. Lengths count the closing `<end>`. */
export interface Ranker {
  /** The score of a hypothesis of `length` words with the log-probability `logProb`. */
  score(logProb: number, length: number): number
  /**
   * The best score that a hypothesis of `length` words can have once it is finished with at most `maxLength` words.
   * Growing only lowers a log-probability, so that it never rises; the search stops early by it.
   */
  bound(logProb: number, length: number, maxLength: number): number
}
