/** What one pack may hold (DESIGN §5). Sizes are in bytes; more is refused on both sides. */
export const LIMITS: {
  /** The config blob. */
  readonly config: number;
  /** The manifest. */
  readonly manifest: number;
  /** The index before compression. */
  readonly index: number;
  readonly entries: number;
  /** Folders that the paths of entries imply: long paths would imply thousands each. */
  readonly folders: number;
  readonly segments: number;
  /** One segment before compression: twice the largest average. */
  readonly segment: number;
  readonly path: number;
  readonly pathSegment: number;
  readonly linkTarget: number;
  /** Links followed to resolve one link, itself among them, as in Linux. */
  readonly linksFollowed: number;
  /** Files that a walk which follows links may see: links to folders multiply them. */
  readonly walked: number;
} = Object.freeze({
  config: 2 ** 20,
  manifest: 2 ** 20,
  index: 2 ** 28,
  entries: 2 ** 20,
  folders: 2 ** 21,
  segments: 3999,
  segment: 2 ** 27,
  path: 4096,
  pathSegment: 255,
  linkTarget: 4095,
  linksFollowed: 40,
  walked: 2 ** 22,
});
