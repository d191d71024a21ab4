/** What encrypted texts begin with. */
export const envelopePrefix = "wq1."

/** An encrypted text: which key it takes, and the rest. */
export const envelope = /^wq1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/

/** The key that a text is encrypted with; nothing for one that is not. */
export const envelopeKey = (text: string): string | undefined => envelope.exec(text)?.[1]
