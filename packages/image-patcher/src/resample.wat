;; Separable resampling of packed 8-bit RGB with 22-bit fixed-point weights: the arithmetic of Pillow's 8-bit path, four lanes at a time.
;; A weighted sum starts at one half (1 << 21; for columns, plus what taps in the padding give), is shifted right by 22 and clamped to 0..255.
(module
  (import "state" "memory" (memory 1))

  ;; Rows of pixels to rows of pixels, four rows at a time: `rows` is rounded up to a multiple of four, and both buffers have room for that.
  ;; bounds: per output column, the byte offset of its first tap in a row and its number of taps, at least one. weights: `stride` bytes per
  ;; output column. starts: per output column, what its sums of red, green and blue start at.
  (func (export "horizontal")
    (param $in i32) (param $out i32) (param $rows i32) (param $inRow i32) (param $columns i32)
    (param $bounds i32) (param $weights i32) (param $stride i32) (param $starts i32)
    (local $outRow i32) (local $column i32) (local $bound i32) (local $weight i32) (local $end i32) (local $p i32) (local $q i32)
    (local $w v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $outRow (i32.mul (local.get $columns) (i32.const 3)))
    (block $done
      (loop $row
        (br_if $done (i32.le_s (local.get $rows) (i32.const 0)))
        (local.set $column (i32.const 0))
        (local.set $bound (local.get $bounds))
        (loop $next
          (local.set $p (i32.add (local.get $in) (i32.load (local.get $bound))))
          (local.set $weight (i32.add (local.get $weights) (i32.mul (local.get $column) (local.get $stride))))
          (local.set $end (i32.add (local.get $weight) (i32.shl (i32.load offset=4 (local.get $bound)) (i32.const 2))))
          (local.set $a (v128.load (i32.add (local.get $starts) (i32.shl (local.get $column) (i32.const 4)))))
          (local.set $b (local.get $a))
          (local.set $c (local.get $a))
          (local.set $d (local.get $a))
          (loop $tap
            (local.set $w (v128.load32_splat (local.get $weight)))
            (local.set $q (i32.add (local.get $p) (local.get $inRow)))
            (local.set $a (i32x4.add (local.get $a) (i32x4.mul (local.get $w)
              (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $p)))))))
            (local.set $b (i32x4.add (local.get $b) (i32x4.mul (local.get $w)
              (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $q)))))))
            (local.set $q (i32.add (local.get $q) (local.get $inRow)))
            (local.set $c (i32x4.add (local.get $c) (i32x4.mul (local.get $w)
              (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $q)))))))
            (local.set $q (i32.add (local.get $q) (local.get $inRow)))
            (local.set $d (i32x4.add (local.get $d) (i32x4.mul (local.get $w)
              (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $q)))))))
            (local.set $p (i32.add (local.get $p) (i32.const 3)))
            (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
            (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
          ;; The four sums become 16 bytes: saturating narrowing is the clamp.
          (local.set $a (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s (i32x4.shr_s (local.get $a) (i32.const 22)) (i32x4.shr_s (local.get $b) (i32.const 22)))
            (i16x8.narrow_i32x4_s (i32x4.shr_s (local.get $c) (i32.const 22)) (i32x4.shr_s (local.get $d) (i32.const 22)))))
          (local.set $p (i32.add (local.get $out) (i32.mul (local.get $column) (i32.const 3))))
          (call $store (local.get $p) (i32x4.extract_lane 0 (local.get $a)))
          (local.set $p (i32.add (local.get $p) (local.get $outRow)))
          (call $store (local.get $p) (i32x4.extract_lane 1 (local.get $a)))
          (local.set $p (i32.add (local.get $p) (local.get $outRow)))
          (call $store (local.get $p) (i32x4.extract_lane 2 (local.get $a)))
          (local.set $p (i32.add (local.get $p) (local.get $outRow)))
          (call $store (local.get $p) (i32x4.extract_lane 3 (local.get $a)))
          (local.set $bound (i32.add (local.get $bound) (i32.const 8)))
          (local.set $column (i32.add (local.get $column) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $column) (local.get $columns))))
        (local.set $in (i32.add (local.get $in) (i32.shl (local.get $inRow) (i32.const 2))))
        (local.set $out (i32.add (local.get $out) (i32.shl (local.get $outRow) (i32.const 2))))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 4)))
        (br $row))))

  ;; Three bytes: the rows beside are written in the same turn, so a fourth would spill into the beginning of the next row.
  (func $store (param $at i32) (param $pixel i32)
    (i32.store16 (local.get $at) (local.get $pixel))
    (i32.store8 offset=2 (local.get $at) (i32.shr_u (local.get $pixel) (i32.const 16))))

  ;; Rows to rows, sixteen bytes at a time; the last step of a row spills up to 15 bytes into the row that is written next.
  ;; bounds: per output row, the byte offset of its first tap and its number of taps.
  (func (export "vertical")
    (param $in i32) (param $out i32) (param $rows i32) (param $rowBytes i32)
    (param $bounds i32) (param $weights i32) (param $stride i32)
    (local $at i32) (local $p i32) (local $weight i32) (local $end i32) (local $first i32)
    (local $w v128) (local $v v128) (local $l v128) (local $h v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $rows)))
        (local.set $first (i32.add (local.get $in) (i32.load (local.get $bounds))))
        (local.set $end (i32.add (local.get $weights) (i32.shl (i32.load offset=4 (local.get $bounds)) (i32.const 2))))
        (local.set $at (i32.const 0))
        (loop $next
          (local.set $p (i32.add (local.get $first) (local.get $at)))
          (local.set $weight (local.get $weights))
          (local.set $a (v128.const i32x4 2097152 2097152 2097152 2097152))
          (local.set $b (local.get $a))
          (local.set $c (local.get $a))
          (local.set $d (local.get $a))
          (loop $tap
            (local.set $w (v128.load32_splat (local.get $weight)))
            (local.set $v (v128.load (local.get $p)))
            (local.set $l (i16x8.extend_low_i8x16_u (local.get $v)))
            (local.set $h (i16x8.extend_high_i8x16_u (local.get $v)))
            (local.set $a (i32x4.add (local.get $a) (i32x4.mul (local.get $w) (i32x4.extend_low_i16x8_u (local.get $l)))))
            (local.set $b (i32x4.add (local.get $b) (i32x4.mul (local.get $w) (i32x4.extend_high_i16x8_u (local.get $l)))))
            (local.set $c (i32x4.add (local.get $c) (i32x4.mul (local.get $w) (i32x4.extend_low_i16x8_u (local.get $h)))))
            (local.set $d (i32x4.add (local.get $d) (i32x4.mul (local.get $w) (i32x4.extend_high_i16x8_u (local.get $h)))))
            (local.set $p (i32.add (local.get $p) (local.get $rowBytes)))
            (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
            (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
          (v128.store (i32.add (local.get $out) (local.get $at)) (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s (i32x4.shr_s (local.get $a) (i32.const 22)) (i32x4.shr_s (local.get $b) (i32.const 22)))
            (i16x8.narrow_i32x4_s (i32x4.shr_s (local.get $c) (i32.const 22)) (i32x4.shr_s (local.get $d) (i32.const 22)))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $next (i32.lt_u (local.get $at) (local.get $rowBytes))))
        (local.set $out (i32.add (local.get $out) (local.get $rowBytes)))
        (local.set $bounds (i32.add (local.get $bounds) (i32.const 8)))
        (local.set $weights (i32.add (local.get $weights) (local.get $stride)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row)))))
