// @ts-check

/** @typedef {{left: number, top: number, right: number, bottom: number}} AnnotationArea whole pixels; right and bottom are behind the last one */

/**
 * An image of numbers: to which region each pixel belongs, 0 for none.
 * The numbers are painted here, pixel by pixel, because a canvas would blend the colours at the edges.
 */
class AnnotationMask {
  /** @param {number} width @param {number} height in pixels */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height);
  }

  /**
   * Paint a line with a round brush.
   * @param {AnnotationPoint} from @param {AnnotationPoint} to middle of the brush @param {number} diameter in pixels
   * @param {number} region @returns {AnnotationArea} what may have changed
   */
  stroke(from, to, diameter, region) {
    const radius = diameter / 2;
    if (diameter === 1) {
      // One pixel, not the four around a corner.
      from = { x: Math.floor(from.x) + 0.5, y: Math.floor(from.y) + 0.5 };
      to = { x: Math.floor(to.x) + 0.5, y: Math.floor(to.y) + 0.5 };
    }
    const area = this.#inside({
      left: Math.min(from.x, to.x) - radius,
      top: Math.min(from.y, to.y) - radius,
      right: Math.max(from.x, to.x) + radius,
      bottom: Math.max(from.y, to.y) + radius,
    });
    for (let y = area.top; y < area.bottom; y += 1) {
      for (let x = area.left; x < area.right; x += 1) {
        if (annotationSegmentDistance({ x: x + 0.5, y: y + 0.5 }, from, to) <= radius) this.pixels[y * this.width + x] = region;
      }
    }
    return area;
  }

  /**
   * Fill a polygon: the pixels whose middle is in it (even-odd rule).
   * @param {AnnotationPoint[]} points @param {number} region @returns {AnnotationArea} what may have changed
   */
  fill(points, region) {
    const xs = points.map((point) => point.x);
    const ys = points.map((point) => point.y);
    const area = this.#inside({ left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) });
    for (let y = area.top; y < area.bottom; y += 1) {
      const crossings = annotationCrossings(points, y + 0.5);
      for (let at = 0; at + 1 < crossings.length; at += 2) {
        const from = Math.max(area.left, Math.ceil(/** @type {number} */ (crossings[at]) - 0.5));
        const to = Math.min(area.right, Math.ceil(/** @type {number} */ (crossings[at + 1]) - 0.5));
        if (to > from) this.pixels.fill(region, y * this.width + from, y * this.width + to);
      }
    }
    return area;
  }

  /** Take a region away. @param {number} region @returns {AnnotationArea} */
  clear(region) {
    for (let at = 0; at < this.pixels.length; at += 1) if (this.pixels[at] === region) this.pixels[at] = 0;
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  /** Copy an area. @param {AnnotationArea} area @param {Uint8Array} [pixels] */
  cut(area, pixels = this.pixels) {
    const width = area.right - area.left;
    const piece = new Uint8Array(width * (area.bottom - area.top));
    for (let y = area.top; y < area.bottom; y += 1) {
      const start = y * this.width + area.left;
      piece.set(pixels.subarray(start, start + width), (y - area.top) * width);
    }
    return piece;
  }

  /** Put a copy back. @param {AnnotationArea} area @param {Uint8Array} piece */
  paste(area, piece) {
    const width = area.right - area.left;
    for (let y = area.top; y < area.bottom; y += 1) {
      this.pixels.set(piece.subarray((y - area.top) * width, (y - area.top + 1) * width), y * this.width + area.left);
    }
  }

  /**
   * Size and place of every region: how many pixels, and one of them near its middle.
   * @returns {Map<number, {count: number, at: AnnotationPoint}>}
   */
  measure() {
    const counts = new Float64Array(256);
    const sums = new Float64Array(512);
    for (let y = 0, at = 0; y < this.height; y += 1) {
      for (let x = 0; x < this.width; x += 1, at += 1) {
        const region = /** @type {number} */ (this.pixels[at]);
        if (!region) continue;
        counts[region] += 1;
        sums[2 * region] += x;
        sums[2 * region + 1] += y;
      }
    }
    /** @type {Map<number, {count: number, at: AnnotationPoint}>} */
    const found = new Map();
    counts.forEach((count, region) => {
      if (!count) return;
      const middle = { x: (sums[2 * region] ?? 0) / count, y: (sums[2 * region + 1] ?? 0) / count };
      found.set(region, { count, at: this.#nearest(region, middle) });
    });
    return found;
  }

  /** The pixel of a region next to a point: looked for in growing squares. @param {number} region @param {AnnotationPoint} point */
  #nearest(region, point) {
    const middle = { x: Math.round(point.x), y: Math.round(point.y) };
    const is = (/** @type {number} */ x, /** @type {number} */ y) =>
      x >= 0 && y >= 0 && x < this.width && y < this.height && this.pixels[y * this.width + x] === region;
    for (let ring = 0; ring < Math.max(this.width, this.height); ring += 1) {
      for (let along = -ring; along <= ring; along += 1) {
        for (const [x, y] of [[along, -ring], [along, ring], [-ring, along], [ring, along]]) {
          const place = { x: middle.x + /** @type {number} */ (x), y: middle.y + /** @type {number} */ (y) };
          if (is(place.x, place.y)) return place;
        }
      }
    }
    return middle;
  }

  /**
   * The pixels of an area as an image: each in its region's colour, transparent where there is none.
   * @param {AnnotationArea} area not empty @param {(region: number) => string} color `#rrggbb`
   */
  image(area, color) {
    const colors = new Uint32Array(256);
    const image = new ImageData(area.right - area.left, area.bottom - area.top);
    const pixels = new Uint32Array(image.data.buffer);
    this.cut(area).forEach((region, at) => {
      if (!region) return;
      if (!colors[region]) {
        const [red, green, blue] = annotationChannels(color(region));
        // Red is the lowest byte, alpha the highest.
        colors[region] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
      }
      pixels[at] = /** @type {number} */ (colors[region]);
    });
    return image;
  }

  /** Whole pixels of the image around an area. @param {AnnotationArea} area */
  #inside(area) {
    const x = (/** @type {number} */ value) => annotationClamp(value, 0, this.width);
    const y = (/** @type {number} */ value) => annotationClamp(value, 0, this.height);
    return {
      left: x(Math.floor(area.left) - 1),
      top: y(Math.floor(area.top) - 1),
      right: x(Math.ceil(area.right) + 1),
      bottom: y(Math.ceil(area.bottom) + 1),
    };
  }
}

/** @param {AnnotationArea} a @param {AnnotationArea} b @returns {AnnotationArea} around both */
function annotationUnion(a, b) {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}
