// Distances between faces: predictions and ground truth, or predictions of two models. Does not touch the document.

const isKnown = (p) => Array.isArray(p);

// Return the mean distance between the points that both faces have, image px; null if they have none in common.
export function meanDistance(a, b) {
  if (a.length !== b.length) return null;
  const distances = a.flatMap((p, k) => (isKnown(p) && isKnown(b[k]) ? [Math.hypot(p[0] - b[k][0], p[1] - b[k][1])] : []));
  return distances.length ? distances.reduce((sum, value) => sum + value, 0) / distances.length : null;
}

// Return the size of a face: the square root of the area of the box around its points, image px.
export function faceSize(keypoints) {
  const known = keypoints.filter(isKnown);
  const [width, height] = [0, 1].map((axis) => Math.max(...known.map((p) => p[axis])) - Math.min(...known.map((p) => p[axis])));
  return Math.sqrt(width * height);
}

// Pair each face with the other face that is nearest to it; each is used once, and pairs farther apart than a face's
// size are different people. Return { keypoints, px, share } for each face, or null; `share` is px as a share of the
// other face's size.
export function pairFaces(faces, others) {
  const pairs = faces.flatMap((face, i) =>
    others.flatMap((keypoints, j) => {
      const px = meanDistance(face.keypoints, keypoints);
      const size = px === null ? 0 : faceSize(keypoints);
      return px === null || (size && px > size) ? [] : [{ i, j, keypoints, px, share: size ? px / size : null }];
    }),
  );
  const found = Array(faces.length).fill(null);
  const used = new Set();
  for (const { i, j, ...pair } of pairs.sort((a, b) => a.px - b.px)) {
    if (found[i] || used.has(j)) continue;
    found[i] = pair;
    used.add(j);
  }
  return found;
}

// Return the median uncertainty of a face's points, image px; null if the model predicts none.
export function medianSpread(face) {
  const spreads = (face.spread_px ?? []).filter((value) => value !== null).sort((a, b) => a - b);
  return spreads.length ? spreads[spreads.length >> 1] : null;
}
