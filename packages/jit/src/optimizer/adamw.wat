;; AdamW and the sum of squares on float32 arrays in an imported memory.
;; The numbers are those of adamw-reference.ts, bit for bit: the same operations, in the same order, rounded to float32 each.
;; All pointers are byte offsets; counts are numbers of float32 elements.
(module
  (import "state" "memory" (memory 0))

  ;; The square of element $i as float64, or 0 when the array ends before it.
  (func $squareAt (param $pointer i32) (param $i i32) (param $count i32) (result f64)
    (local $x f64)
    (if (result f64) (i32.lt_u (local.get $i) (local.get $count))
      (then
        (local.set $x
          (f64.promote_f32 (f32.load (i32.add (local.get $pointer) (i32.shl (local.get $i) (i32.const 2))))))
        (f64.mul (local.get $x) (local.get $x)))
      (else (f64.const 0))))

  ;; Eight lanes of float64, element i in lane i mod 8; then (0+1)+(2+3) + ((4+5)+(6+7)).
  (func (export "sumOfSquares") (param $pointer i32) (param $count i32) (result f64)
    (local $i i32) (local $whole i32) (local $at i32)
    (local $x v128) (local $d v128)
    (local $lanes01 v128) (local $lanes23 v128) (local $lanes45 v128) (local $lanes67 v128)
    (local.set $whole (i32.and (local.get $count) (i32.const -8)))
    (local.set $at (local.get $pointer))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (local.set $x (v128.load (local.get $at)))
        (local.set $d (f64x2.promote_low_f32x4 (local.get $x)))
        (local.set $lanes01 (f64x2.add (local.get $lanes01) (f64x2.mul (local.get $d) (local.get $d))))
        (local.set $d (f64x2.promote_low_f32x4
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $x) (local.get $x))))
        (local.set $lanes23 (f64x2.add (local.get $lanes23) (f64x2.mul (local.get $d) (local.get $d))))
        (local.set $x (v128.load offset=16 (local.get $at)))
        (local.set $d (f64x2.promote_low_f32x4 (local.get $x)))
        (local.set $lanes45 (f64x2.add (local.get $lanes45) (f64x2.mul (local.get $d) (local.get $d))))
        (local.set $d (f64x2.promote_low_f32x4
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $x) (local.get $x))))
        (local.set $lanes67 (f64x2.add (local.get $lanes67) (f64x2.mul (local.get $d) (local.get $d))))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br $next)))
    ;; The last up to seven elements fall into lanes 0 to 6.
    (f64.add
      (f64.add
        (f64.add
          (f64.add (f64x2.extract_lane 0 (local.get $lanes01))
            (call $squareAt (local.get $pointer) (local.get $i) (local.get $count)))
          (f64.add (f64x2.extract_lane 1 (local.get $lanes01))
            (call $squareAt (local.get $pointer) (i32.add (local.get $i) (i32.const 1)) (local.get $count))))
        (f64.add
          (f64.add (f64x2.extract_lane 0 (local.get $lanes23))
            (call $squareAt (local.get $pointer) (i32.add (local.get $i) (i32.const 2)) (local.get $count)))
          (f64.add (f64x2.extract_lane 1 (local.get $lanes23))
            (call $squareAt (local.get $pointer) (i32.add (local.get $i) (i32.const 3)) (local.get $count)))))
      (f64.add
        (f64.add
          (f64.add (f64x2.extract_lane 0 (local.get $lanes45))
            (call $squareAt (local.get $pointer) (i32.add (local.get $i) (i32.const 4)) (local.get $count)))
          (f64.add (f64x2.extract_lane 1 (local.get $lanes45))
            (call $squareAt (local.get $pointer) (i32.add (local.get $i) (i32.const 5)) (local.get $count))))
        (f64.add
          (f64.add (f64x2.extract_lane 0 (local.get $lanes67))
            (call $squareAt (local.get $pointer) (i32.add (local.get $i) (i32.const 6)) (local.get $count)))
          (f64x2.extract_lane 1 (local.get $lanes67))))))

  (func (export "update")
    (param $params i32) (param $gradients i32) (param $m i32) (param $v i32) (param $count i32)
    (param $decay f32) (param $oneMinusBeta1 f32) (param $beta2 f32) (param $oneMinusBeta2 f32)
    (param $correction2 f32) (param $epsilon f32) (param $stepSize f32) (param $gradientScale f32)
    (local $i i32) (local $whole i32)
    (local $g4 v128) (local $m4 v128) (local $v4 v128)
    (local $g1 f32) (local $m1 f32) (local $v1 f32)
    (local.set $whole (i32.and (local.get $count) (i32.const -4)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (local.set $g4 (f32x4.mul (v128.load (local.get $gradients)) (f32x4.splat (local.get $gradientScale))))
        ;; m ← m + (g − m) · (1 − β₁)
        (local.set $m4 (v128.load (local.get $m)))
        (local.set $m4
          (f32x4.add (local.get $m4)
            (f32x4.mul (f32x4.sub (local.get $g4) (local.get $m4)) (f32x4.splat (local.get $oneMinusBeta1)))))
        (v128.store (local.get $m) (local.get $m4))
        ;; v ← v · β₂ + g² · (1 − β₂)
        (local.set $v4
          (f32x4.add
            (f32x4.mul (v128.load (local.get $v)) (f32x4.splat (local.get $beta2)))
            (f32x4.mul (f32x4.mul (local.get $g4) (local.get $g4)) (f32x4.splat (local.get $oneMinusBeta2)))))
        (v128.store (local.get $v) (local.get $v4))
        ;; p ← p · decay − stepSize · (m / (√v / √(1 − β₂ᵗ) + ε))
        (v128.store (local.get $params)
          (f32x4.sub
            (f32x4.mul (v128.load (local.get $params)) (f32x4.splat (local.get $decay)))
            (f32x4.mul (f32x4.splat (local.get $stepSize))
              (f32x4.div (local.get $m4)
                (f32x4.add
                  (f32x4.div (f32x4.sqrt (local.get $v4)) (f32x4.splat (local.get $correction2)))
                  (f32x4.splat (local.get $epsilon)))))))
        (local.set $params (i32.add (local.get $params) (i32.const 16)))
        (local.set $gradients (i32.add (local.get $gradients) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $next)))
    ;; The last up to three elements, one at a time.
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $g1 (f32.mul (f32.load (local.get $gradients)) (local.get $gradientScale)))
        (local.set $m1 (f32.load (local.get $m)))
        (local.set $m1
          (f32.add (local.get $m1)
            (f32.mul (f32.sub (local.get $g1) (local.get $m1)) (local.get $oneMinusBeta1))))
        (f32.store (local.get $m) (local.get $m1))
        (local.set $v1
          (f32.add
            (f32.mul (f32.load (local.get $v)) (local.get $beta2))
            (f32.mul (f32.mul (local.get $g1) (local.get $g1)) (local.get $oneMinusBeta2))))
        (f32.store (local.get $v) (local.get $v1))
        (f32.store (local.get $params)
          (f32.sub
            (f32.mul (f32.load (local.get $params)) (local.get $decay))
            (f32.mul (local.get $stepSize)
              (f32.div (local.get $m1)
                (f32.add
                  (f32.div (f32.sqrt (local.get $v1)) (local.get $correction2))
                  (local.get $epsilon))))))
        (local.set $params (i32.add (local.get $params) (i32.const 4)))
        (local.set $gradients (i32.add (local.get $gradients) (i32.const 4)))
        (local.set $m (i32.add (local.get $m) (i32.const 4)))
        (local.set $v (i32.add (local.get $v) (i32.const 4)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))))
