import * as Result from "effect/Result"

/** What is wrong with the URL of a Redis, if anything is. Says nothing of what stands in it: there may be a password. */
export const redisUrlProblem = (text: string): string | undefined => {
  if (!/^rediss?:\/\/\S+$/.test(text)) return "must start with redis:// or rediss://"
  if (!URL.canParse(text))
    return "is no URL: look at its port, and write @ : / ? # and % of a password as %40 and so on"
  const { password, pathname, username } = new URL(text)
  const isEscaped = [username, password].every((part) => Result.isSuccess(Result.try(() => decodeURIComponent(part))))
  if (!isEscaped) return "has a % that is no escape: write it as %25"
  return /^\/?\d{0,9}$/.test(pathname) ? undefined : "names a database that is no number"
}
