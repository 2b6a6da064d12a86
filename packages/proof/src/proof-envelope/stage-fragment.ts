/** The key of the stage that an artifact's URI names behind `#stage=`. */
export function stageOf(uri: string): string | undefined {
  return /#stage=([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/.exec(uri)?.[1];
}
