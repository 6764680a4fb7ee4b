;; Gradient descent on float32 arrays in an imported memory.
;; The numbers are those of sgd-reference.ts, bit for bit: the same operations, in the same order, rounded to float32 each.
;; All pointers are byte offsets; counts are numbers of float32 elements.
(module
  (import "state" "memory" (memory 0))

  ;; p ← p · decay − lr · g
  (func (export "plain")
    (param $params i32) (param $gradients i32) (param $count i32)
    (param $decay f32) (param $lr f32) (param $gradientScale f32)
    (local $i i32) (local $whole i32)
    (local.set $whole (i32.and (local.get $count) (i32.const -4)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (v128.store (local.get $params)
          (f32x4.sub
            (f32x4.mul (v128.load (local.get $params)) (f32x4.splat (local.get $decay)))
            (f32x4.mul (f32x4.splat (local.get $lr))
              (f32x4.mul (v128.load (local.get $gradients)) (f32x4.splat (local.get $gradientScale))))))
        (local.set $params (i32.add (local.get $params) (i32.const 16)))
        (local.set $gradients (i32.add (local.get $gradients) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $next)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (f32.store (local.get $params)
          (f32.sub
            (f32.mul (f32.load (local.get $params)) (local.get $decay))
            (f32.mul (local.get $lr)
              (f32.mul (f32.load (local.get $gradients)) (local.get $gradientScale)))))
        (local.set $params (i32.add (local.get $params) (i32.const 4)))
        (local.set $gradients (i32.add (local.get $gradients) (i32.const 4)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next))))

  ;; m ← m · momentum + g;  p ← p · decay − lr · d, where d is m, or g + m · momentum with Nesterov's look-ahead
  (func (export "withMomentum")
    (param $params i32) (param $gradients i32) (param $m i32) (param $count i32)
    (param $decay f32) (param $momentum f32) (param $nesterov i32) (param $lr f32) (param $gradientScale f32)
    (local $i i32) (local $whole i32)
    (local $g4 v128) (local $m4 v128)
    (local $g1 f32) (local $m1 f32)
    (local.set $whole (i32.and (local.get $count) (i32.const -4)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $whole)))
        (local.set $g4 (f32x4.mul (v128.load (local.get $gradients)) (f32x4.splat (local.get $gradientScale))))
        (local.set $m4
          (f32x4.add
            (f32x4.mul (v128.load (local.get $m)) (f32x4.splat (local.get $momentum)))
            (local.get $g4)))
        (v128.store (local.get $m) (local.get $m4))
        (if (local.get $nesterov)
          (then
            (local.set $m4
              (f32x4.add (local.get $g4) (f32x4.mul (local.get $m4) (f32x4.splat (local.get $momentum)))))))
        (v128.store (local.get $params)
          (f32x4.sub
            (f32x4.mul (v128.load (local.get $params)) (f32x4.splat (local.get $decay)))
            (f32x4.mul (f32x4.splat (local.get $lr)) (local.get $m4))))
        (local.set $params (i32.add (local.get $params) (i32.const 16)))
        (local.set $gradients (i32.add (local.get $gradients) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $next)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $g1 (f32.mul (f32.load (local.get $gradients)) (local.get $gradientScale)))
        (local.set $m1
          (f32.add (f32.mul (f32.load (local.get $m)) (local.get $momentum)) (local.get $g1)))
        (f32.store (local.get $m) (local.get $m1))
        (if (local.get $nesterov)
          (then
            (local.set $m1 (f32.add (local.get $g1) (f32.mul (local.get $m1) (local.get $momentum))))))
        (f32.store (local.get $params)
          (f32.sub
            (f32.mul (f32.load (local.get $params)) (local.get $decay))
            (f32.mul (local.get $lr) (local.get $m1))))
        (local.set $params (i32.add (local.get $params) (i32.const 4)))
        (local.set $gradients (i32.add (local.get $gradients) (i32.const 4)))
        (local.set $m (i32.add (local.get $m) (i32.const 4)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))))
